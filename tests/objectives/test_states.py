"""A version is failed where it answered and cannot any more, and nobody wanted that."""

import pytest

from headrace.objectives.states import States
from headrace.types import ModelVersion, VersionState, VersionStatus
from tests.observe.make import moved

ONE = ModelVersion("m", 1)


def told(*events: tuple[VersionState, str]) -> States:
    states = States()
    for state, reason in events:
        states.happened(moved(state, reason=reason))
    return states


def status(state: VersionState = "UNAVAILABLE", reason: str = "FAILED: it died") -> list[VersionStatus]:
    return [VersionStatus("m", 1, state, reason)]


def test_one_that_answered_and_died_is_failed_until_it_is_back() -> None:
    states = told(("LOADING", ""), ("READY", ""), ("UNAVAILABLE", "FAILED: it died"))
    assert states.failed(status()) == {ONE: "FAILED: it died"}
    states.happened(moved("READY"))
    assert not states.failed(status("READY", ""))
    assert states.were_ready() == [ONE]


def test_one_that_never_answered_is_not_failed() -> None:
    states = told(("LOADING", ""), ("UNAVAILABLE", "model.onnx is cut short"))
    assert not states.failed(status(reason="model.onnx is cut short"))
    assert states.is_meant("m")


@pytest.mark.parametrize(
    "reason",
    [
        "unloaded",
        "unloaded: loads on request",
        'not loaded: models.control is "explicit" and nobody asked for it',
        "a request unloaded it; a load request brings it back",
    ],
)
def test_one_that_was_unloaded_on_purpose_is_not_failed(reason: str) -> None:
    states = told(("READY", ""), ("UNLOADING", ""), ("UNAVAILABLE", reason))
    assert not states.failed(status(reason=reason))
    assert not states.is_meant("m")


def test_one_that_left_the_repository_is_forgotten() -> None:
    states = told(("READY", ""), ("UNAVAILABLE", "FAILED: it died"))
    assert not states.failed([])
    assert not states.is_meant("m")
    assert not states.were_ready()


def test_one_that_slept_and_then_failed_to_wake_is_failed() -> None:
    states = told(("READY", ""), ("UNLOADING", ""), ("UNAVAILABLE", "unloaded: loads on request"))
    states.happened(moved("LOADING"))
    states.happened(moved("UNAVAILABLE", reason="model.onnx is gone"))
    assert states.failed(status(reason="model.onnx is gone")) == {ONE: "model.onnx is gone"}
