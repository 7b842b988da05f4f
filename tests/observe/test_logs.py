"""What is worth a line gets one, in the form that was asked for."""

import io
import json
import logging
from typing import Any, get_args

import pytest

from headrace.observe import logs
from headrace.observe.log_format import FIELDS
from headrace.observe.logs import LIBRARIES, RecordLog, ToldElsewhere
from headrace.records import (
    CancelRecord,
    DriftEvent,
    MirrorRecord,
    ModelEvent,
    Record,
    ShedRecord,
    StepRecord,
    TrafficEvent,
    WorkerEvent,
)
from headrace.types import ModelVersion
from tests.observe.make import moved, ran, stepped, worker

Line = tuple[str, str, dict[str, Any]]


class Lines(logging.Handler):
    """Keeps what is logged: level, event, fields."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append((record.levelname, record.getMessage(), getattr(record, FIELDS)))


def lines_of(*records: Record, level: int = logging.INFO) -> list[Line]:
    lines, log = Lines(), logging.Logger("test", level)
    log.addHandler(lines)
    RecordLog(log)(records)
    return lines.kept


def test_a_version_that_is_ready_has_a_line() -> None:
    assert lines_of(moved(seconds=1.23456)) == [
        ("INFO", "model is READY", {"model": "m", "version": 1, "seconds": 1.235})
    ]


def test_a_version_that_failed_is_a_warning_with_the_reason() -> None:
    ((level, event, fields),) = lines_of(moved("UNAVAILABLE", reason="not a model", version=None))
    assert (level, event) == ("WARNING", "model is UNAVAILABLE")
    assert fields == {"model": "m", "reason": "not a model"}


def test_a_version_unloaded_on_purpose_is_no_warning() -> None:
    ((level, *_),) = lines_of(moved("UNAVAILABLE", reason="unloaded"))
    assert level == "INFO"


def test_states_on_the_way_are_for_debugging() -> None:
    assert lines_of(moved("LOADING"), moved("UNLOADING")) == []
    assert len(lines_of(moved("LOADING"), moved("UNLOADING"), level=logging.DEBUG)) == 2


@pytest.mark.parametrize("what", ["died", "hung"])
def test_a_lost_worker_is_a_warning(what: str) -> None:
    ((level, event, fields),) = lines_of(worker(what, 2, 77, reason="killed by signal 9"))
    assert (level, event) == ("WARNING", f"worker {what}")
    assert fields == {"model": "m", "version": 1, "instance": 2, "pid": 77, "reason": "killed by signal 9"}


def test_a_worker_that_starts_is_for_debugging() -> None:
    assert lines_of(worker("started", pid=77)) == []


def test_a_step_has_a_line_only_when_debugging() -> None:
    record = stepped(0.0312, expected_seconds=0.03, prompt_tokens=32, generated_tokens=16, running=17)
    assert lines_of(record) == []
    ((level, event, fields),) = lines_of(record, level=logging.DEBUG)
    assert (level, event) == ("DEBUG", "step computed")
    assert fields == {
        "model": "m",
        "version": 1,
        "ms": 31.2,
        "expected_ms": 30.0,
        "prompt_tokens": 32,
        "tokens": 16,
        "running": 17,
        "waiting": 0,
    }


def test_what_computed_nothing_has_no_line() -> None:
    assert lines_of(stepped(0.0), level=logging.DEBUG) == []


@pytest.mark.usefixtures("loggers")
def test_lines_are_json_where_that_is_asked_for() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    logging.getLogger("headrace.some").info("started", extra={FIELDS: {"port": 8000}})
    assert json.loads(stream.getvalue()).items() >= {"event": "started", "port": 8000}.items()


@pytest.mark.usefixtures("loggers")
def test_lines_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    logs.set_up("text", "warning", stream)
    logging.getLogger("headrace.some").info("quiet")
    logging.getLogger("headrace.some").warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


@pytest.mark.usefixtures("loggers")
@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_write_in_the_same_form_and_only_once(name: str) -> None:
    stream = io.StringIO()
    logging.getLogger(name).addHandler(logging.StreamHandler(stream))
    logs.set_up("json", "info", stream)
    logging.getLogger(name).warning("careful\nnow")
    assert json.loads(stream.getvalue())["event"] == "careful\nnow"


@pytest.mark.usefixtures("loggers")
def test_setting_up_twice_does_not_double_lines() -> None:
    stream = io.StringIO()
    logs.set_up("text", "info", stream)
    logs.set_up("text", "info", stream)
    logging.getLogger("headrace").info("once")
    assert stream.getvalue().count("once") == 1


def test_what_was_shed_has_a_line_with_its_prediction_for_debugging() -> None:
    shed = ShedRecord(ModelVersion("m", 1), "alice", "predicted", 81_234_567, 50_000_000)
    assert lines_of(shed) == []
    assert lines_of(shed, level=logging.DEBUG) == [
        (
            "DEBUG",
            "request shed",
            {
                "model": "m",
                "version": 1,
                "tenant": "alice",
                "reason": "predicted",
                "predicted_ms": 81.235,
                "deadline_ms": 50.0,
            },
        )
    ]


def test_what_others_tell_has_no_line() -> None:
    assert (
        lines_of(
            CancelRecord(ModelVersion("m", 1), "queued"),
            ran(),
            MirrorRecord(ModelVersion("m", 1), "same"),
            level=logging.DEBUG,
        )
        == []
    )


def test_a_rollout_that_is_rolled_back_is_a_warning_with_its_reason() -> None:
    back, done = (TrafficEvent("m", 4, "rollout", state, "why", 1.0) for state in ("rolled back", "done"))
    fields = {"model": "m", "version": 4, "reason": "why"}
    assert lines_of(back, done) == [("WARNING", "rollout rolled back", fields), ("INFO", "rollout done", fields)]


def test_drift_is_a_warning_while_it_lasts() -> None:
    came, went = (
        DriftEvent(ModelVersion("m", 1), "X[2]", "inputs", state, "reference", "ks", 2.125, 1.0, 2.0)
        for state in ("alarm", "quiet")
    )
    of = {"model": "m", "version": 1, "feature": "X[2]"}
    assert lines_of(came, went) == [
        ("WARNING", "drift alarm", of | {"side": "inputs", "test": "ks", "ratio": 2.12, "against": "reference"}),
        ("INFO", "drift quiet", of),
    ]


def test_there_is_no_record_that_a_listener_does_not_know() -> None:
    named = {ModelEvent, WorkerEvent, TrafficEvent, DriftEvent, ShedRecord, StepRecord}
    assert named | set(get_args(ToldElsewhere)) == set(get_args(Record))
