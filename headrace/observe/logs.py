"""What the server writes: its own lines, its libraries', and events worth one."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from headrace.observe.log_format import FIELDS, JsonFormatter, TextFormatter
from headrace.records import (
    BatchRecord,
    BundleRecord,
    CancelRecord,
    DriftEvent,
    GenerationRecord,
    MirrorRecord,
    ModelEvent,
    Record,
    RequestRecord,
    SampleRecord,
    ShedRecord,
    StepRecord,
    TrafficEvent,
    WorkerEvent,
    WorkRecord,
)

LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "grpc", "asyncio", "watchfiles")
"""Loggers that may bring handlers of their own; their lines belong among ours."""

Filter = Callable[[logging.LogRecord], bool]
"""Whether a line is written."""

_log = logging.getLogger(__name__)


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...

    def isatty(self) -> bool: ...


def set_up(
    form: Literal["text", "json"], level: str, stream: Stream | None = None, filters: Sequence[Filter] = ()
) -> JsonFormatter | TextFormatter:
    """Send every logger of the process to `stream` (standard error) in one form, which is returned. Called once."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    formatter = JsonFormatter() if form == "json" else TextFormatter(colour=stream.isatty())
    handler.setFormatter(formatter)
    for each in filters:
        handler.addFilter(each)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))  # what they tell below that is their own business
    return formatter


ToldElsewhere = (
    RequestRecord
    | BundleRecord
    | GenerationRecord
    | BatchRecord
    | CancelRecord
    | MirrorRecord
    | SampleRecord
    | WorkRecord
)
"""Records that have no lines here: those of requests tell of them, or metrics."""

AS_WANTED = ("unloaded", "unloaded: loads on request")
"""Reasons of a model's state that are no fault."""


class RecordLog:
    """A listener of the bus: a line for each model and worker event; requests have theirs by `request_lines.py`.

    At level debug every request that was shed has one too, and every step of a language model.
    """

    def __init__(self, log: logging.Logger = _log) -> None:
        self._log = log

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, ModelEvent):
                self._model(record)
            elif isinstance(record, WorkerEvent):
                self._worker(record)
            elif isinstance(record, TrafficEvent):
                self._traffic(record)
            elif isinstance(record, DriftEvent):
                self._drift(record)
            elif isinstance(record, ShedRecord):
                self._debug("request shed", _shed, record)
            elif isinstance(record, StepRecord):
                if record.facts.seconds:
                    self._debug("step computed", _step, record)
            else:
                assert isinstance(record, ToldElsewhere)

    def _model(self, event: ModelEvent) -> None:
        fields: dict[str, Any] = {"model": event.model, "version": event.version, "reason": event.reason}
        if event.seconds:
            fields["seconds"] = round(event.seconds, 3)
        if event.cause:
            fields["cause"] = event.cause
        failed = event.reason and event.reason not in AS_WANTED
        level = logging.WARNING if failed else logging.DEBUG if event.state.endswith("ING") else logging.INFO
        self._line(level, f"model is {event.state}", fields)

    def _traffic(self, event: TrafficEvent) -> None:
        level = logging.WARNING if event.state == "rolled back" else logging.INFO
        fields = {"model": event.model, "version": event.version, "reason": event.reason}
        self._line(level, f"{event.what} {event.state}", fields)

    def _drift(self, event: DriftEvent) -> None:
        fields: dict[str, Any] = {"model": event.model.name, "version": event.model.version, "feature": event.feature}
        if event.state == "alarm":
            fields |= {"side": event.side, "test": event.test, "ratio": round(event.ratio, 2), "against": event.against}
        self._line(logging.WARNING if event.state == "alarm" else logging.INFO, f"drift {event.state}", fields)

    def _worker(self, event: WorkerEvent) -> None:
        of = {"model": event.model.name, "version": event.model.version, "variant": event.variant}
        fields = {**of, "instance": event.instance}
        lost = event.what in ("died", "hung", "failed")
        self._line(
            logging.WARNING if lost else logging.DEBUG,
            f"worker {event.what}",
            {**fields, "pid": event.pid or None, "reason": event.reason},
        )

    def _debug(self, event: str, fields: Callable[[Any], dict[str, Any]], record: Record) -> None:
        if self._log.isEnabledFor(logging.DEBUG):
            self._line(logging.DEBUG, event, fields(record))

    def _line(self, level: int, event: str, fields: dict[str, Any]) -> None:
        told = {name: value for name, value in fields.items() if value not in ("", None)}
        self._log.log(level, event, extra={FIELDS: told})


def _shed(record: ShedRecord) -> dict[str, Any]:
    return {
        "model": record.model.name,
        "version": record.model.version,
        "tenant": record.tenant,
        "reason": record.reason,
        "predicted_ms": None if record.predicted_ns is None else round(record.predicted_ns / 1e6, 3),
        "deadline_ms": None if record.deadline_ns is None else round(record.deadline_ns / 1e6, 3),
    }


def _step(record: StepRecord) -> dict[str, Any]:
    facts = record.facts
    return {
        "model": record.model.name,
        "version": record.model.version,
        "ms": round(facts.seconds * 1e3, 2),
        "expected_ms": round(facts.expected_seconds * 1e3, 2),
        "prompt_tokens": facts.prompt_tokens,
        "tokens": facts.generated_tokens,
        "running": facts.running,
        "waiting": facts.waiting,
    }
