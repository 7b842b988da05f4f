"""Where metrics are pushed, how often and as what is said by settings, or by OpenTelemetry's variables."""

import pytest

from headrace.errors import SettingInvalid
from headrace.observe_settings import PushedMetrics
from headrace.pushing.plan import Plan, plan

THERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
EVERY = "OTEL_METRIC_EXPORT_INTERVAL"
TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"


def test_without_a_collector_nothing_is_pushed() -> None:
    assert plan(PushedMetrics(), {}) is None


def test_by_default_all_is_told_once_a_minute() -> None:
    assert plan(PushedMetrics(), THERE) == Plan("http", "", 60.0, delta=False)


def test_variables_say_how_often_and_as_what() -> None:
    assert plan(PushedMetrics(), THERE | {EVERY: "5000", TEMPORALITY: "Delta"}) == Plan("http", "", 5.0, delta=True)


def test_a_setting_goes_first() -> None:
    settings = PushedMetrics("http://c:4317", "grpc", 10.0, "cumulative")
    said = THERE | {EVERY: "5000", TEMPORALITY: "delta"}
    assert plan(settings, said) == Plan("grpc", "http://c:4317", 10.0, delta=False)


@pytest.mark.parametrize(("name", "value"), [(EVERY, "10"), (EVERY, "soon"), (TEMPORALITY, "monthly")])
def test_a_variable_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match=f"{name}: '{value}' is not"):
        plan(PushedMetrics(), THERE | {name: value})
