"""What the repository index tells."""

from headrace.models.lifecycle import States
from headrace.records import ModelEvent, Record
from headrace.types import VersionStatus


def test_states_are_listed_by_name_and_number() -> None:
    states = States(lambda record: None)
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
    States(records.append).put("m", 1, "READY", seconds=0.5)
    (event,) = records
    assert isinstance(event, ModelEvent)
    assert (event.model, event.version, event.state, event.seconds) == ("m", 1, "READY", 0.5)


def test_a_forgotten_version_is_gone() -> None:
    states = States(lambda record: None)
    states.put("m", 1, "READY")
    states.forget("m", 1)
    states.forget("m", 2)
    assert states.all() == ()
