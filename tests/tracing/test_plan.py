"""Where traces go is said by settings, or by OpenTelemetry's variables."""

import pytest

from headrace.errors import SettingInvalid
from headrace.observe_settings import Trace
from headrace.tracing.plan import Plan, plan

THERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def decided(trace: Trace, **environment: str) -> Plan:
    made = plan(trace, environment)
    assert made is not None
    return made


def test_without_a_collector_nothing_is_traced() -> None:
    assert plan(Trace(), {}) is None


def test_a_setting_names_the_collector_with_or_without_its_path() -> None:
    assert decided(Trace("http://c:4318")).endpoint == "http://c:4318/v1/traces"
    assert decided(Trace("http://c:4318/otlp")).endpoint == "http://c:4318/otlp"
    assert decided(Trace("http://c:4317", "grpc")).endpoint == "http://c:4317"


def test_a_variable_names_it_to_the_exporter_itself() -> None:
    assert decided(Trace(), **THERE) == Plan("http", "", 0.01, True, 50)


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_variables_switch_it_off(off: dict[str, str]) -> None:
    assert plan(Trace(), THERE | off) is None


@pytest.mark.parametrize(
    ("variables", "protocol"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, "http"),
    ],
)
def test_variables_choose_the_protocol(variables: dict[str, str], protocol: str) -> None:
    assert decided(Trace(), **THERE, **variables).protocol == protocol
    assert decided(Trace(protocol="http"), **THERE, **variables).protocol == "http"


@pytest.mark.parametrize(
    ("sampler", "argument", "ratio", "follows"),
    [
        ("always_on", "", 1.0, False),
        ("parentbased_always_off", "", 0.0, True),
        ("traceidratio", "0.25", 0.25, False),
        ("parentbased_traceidratio", "0.5", 0.5, True),
    ],
)
def test_variables_choose_the_sampler(sampler: str, argument: str, ratio: float, follows: bool) -> None:
    made = decided(Trace(), **THERE, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=argument)
    assert (made.ratio, made.follows_clients) == (ratio, follows)


@pytest.mark.parametrize(
    ("trace", "environment", "where"),
    [
        (Trace("collector:4318"), {}, "trace.endpoint"),
        (Trace(), THERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (Trace(), THERE | {"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER"),
        (
            Trace(),
            THERE | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
            "OTEL_TRACES_SAMPLER_ARG",
        ),
        (
            Trace(),
            THERE | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "x"},
            "OTEL_TRACES_SAMPLER_ARG",
        ),
    ],
)
def test_what_is_wrong_is_named(trace: Trace, environment: dict[str, str], where: str) -> None:
    with pytest.raises(SettingInvalid) as refusal:
        plan(trace, environment)
    assert refusal.value.where == where
