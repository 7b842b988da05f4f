"""Records of requests that keep a promise or break it, and settings whose windows are short."""

import msgspec

from headrace.objectives.alerts import Alert
from headrace.objectives.conditions import Condition, Key
from headrace.objectives.promises import Promise
from headrace.objectives.rules import MODEL_FAILED
from headrace.records import DriftEvent, RequestRecord
from headrace.types import ModelVersion
from tests.observe.make import answered, failed

MS = 1_000_000
AVAILABLE = Promise("availability", 0.99)
FAST = Promise("p99_ms", 0.99, 50.0)


def good(count: int = 1, took_ms: float = 1.0, model: str = "m", version: int | None = 1) -> list[RequestRecord]:
    made = answered(model, version, took_ns=int(took_ms * MS))
    return [made] * count


def bad(count: int = 1, code: str = "worker_lost", model: str = "m", version: int | None = 1) -> list[RequestRecord]:
    return [msgspec.structs.replace(failed(code, model, version))] * count


def condition(alert: str = MODEL_FAILED, value: float = 1.0, **names: str) -> Condition:
    """Something that is wrong, of model m unless that is said otherwise."""
    return Condition(Key(alert, tuple((names or {"model": "m"}).items())), f"{alert} it is", value)


def drift(
    state: str, feature: str = "X[2]", against: str = "reference", version: int = 1, side: str = "inputs"
) -> DriftEvent:
    return DriftEvent(ModelVersion("m", version), feature, side, state, against, "psi", 2.5, 0.0, 10.0)


def firing(alert: str = MODEL_FAILED, **names: str) -> Alert:
    """An alert that has been firing for a while."""
    key, summary, value = condition(alert, 1.0, **names)
    return Alert(key, "page", "do something", "firing", summary, value, since_s=1000.0, fired_s=1030.0)


def by_key(*alerts: Alert) -> dict[Key, Alert]:
    return {alert.key: alert for alert in alerts}
