"""Where traces or metrics go is said by settings, or by OpenTelemetry's variables of each."""

import pytest

from headrace.collector import address as module
from headrace.collector.address import Address, Signal, address
from headrace.errors import SettingInvalid

THERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(("signal", "path"), [("traces", "/v1/traces"), ("metrics", "/v1/metrics")])
def test_each_has_a_path_of_its_own(signal: Signal, path: str) -> None:
    assert address(signal, "http://c:4318", "auto", {}) == Address("http", f"http://c:4318{path}")
    assert address(signal, "http://c:4318/otlp", "auto", {}) == Address("http", "http://c:4318/otlp")
    assert address(signal, "http://c:4317", "grpc", {}) == Address("grpc", "http://c:4317")


def test_a_variable_names_it_to_the_exporter_itself() -> None:
    assert address("metrics", "", "auto", THERE) == Address("http", "")
    assert address("metrics", "", "auto", {}) is None


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_METRICS_EXPORTER": "none"}])
def test_variables_switch_it_off_but_no_setting(off: dict[str, str]) -> None:
    assert address("metrics", "", "auto", THERE | off) is None
    assert address("metrics", "http://c:4318", "auto", THERE | off) is not None


def test_one_is_switched_off_without_the_other() -> None:
    off = THERE | {"OTEL_TRACES_EXPORTER": "none"}
    assert address("traces", "", "auto", off) is None
    assert address("metrics", "", "auto", off) is not None


def test_the_variable_of_one_goes_before_that_of_both() -> None:
    said = THERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}
    assert address("metrics", "", "auto", said) == Address("http", "")
    assert address("traces", "", "auto", said) == Address("grpc", "")


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(SettingInvalid, match=r"metrics.endpoint: 'c:4318' is no address"):
        address("metrics", "c:4318", "auto", {})
    with pytest.raises(SettingInvalid, match="OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift' is not spoken"):
        address("metrics", "", "auto", THERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "thrift"})


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LIBRARY", "nowhere.sdk")
    with pytest.raises(SettingInvalid, match=r"metrics.endpoint: metrics need OpenTelemetry: pip install"):
        address("metrics", "http://c:4318", "auto", {})
