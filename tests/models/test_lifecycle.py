"""What the repository index tells."""

from headrace.models.lifecycle import States
from headrace.records import ModelEvent, Record
from headrace.types import VersionStatus
from tests.fakes import FakeClock


def test_states_are_listed_by_name_and_number() -> None:
    states = States(lambda record: None, FakeClock())
    states.put("b", 10, "READY")
    states.put("b", 2, "LOADING")
    states.put("a", None, "UNAVAILABLE", "no model file")
    assert states.all() == (
        VersionStatus("a", None, "UNAVAILABLE", "no model file"),
        VersionStatus("b", 2, "LOADING"),
        VersionStatus("b", 10, "READY"),
    )
    assert states.of("b")[1].state == "READY"


def test_every_change_is_recorded() -> None:
    records: list[Record] = []
    States(records.append, FakeClock()).put("m", 1, "READY", seconds=0.5)
    (event,) = records
    assert isinstance(event, ModelEvent)
    assert (event.model, event.version, event.state, event.seconds) == ("m", 1, "READY", 0.5)
    assert event.when_s == 1_700_000_001.0


def test_a_forgotten_version_is_gone() -> None:
    states = States(lambda record: None, FakeClock())
    states.put("m", 1, "READY")
    states.forget("m", 1)
    states.forget("m", 2)
    assert states.all() == ()


def test_what_is_noted_is_told_with_the_state_and_recorded_nowhere() -> None:
    records: list[Record] = []
    states = States(records.append, FakeClock())
    states.put("m", 1, "READY")
    states.note("m", 1, "its worker died; another is being started")
    states.note("m", 2, "nobody knows it")
    assert states.all() == (VersionStatus("m", 1, "READY", "its worker died; another is being started"),)
    assert len(records) == 1
