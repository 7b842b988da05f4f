"""What the server writes to standard error: its own lines, its libraries', and records worth one."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, TextIO

from headrace.clock import Clock
from headrace.errors import DeadlineExceeded, HeadraceError, Internal, Unavailable, WorkerLost
from headrace.gateway.token_bucket import TokenBucket
from headrace.observe.log_format import FIELDS, JsonFormatter, TextFormatter
from headrace.records import (
    BatchRecord,
    CancelRecord,
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
)

LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "grpc", "asyncio", "watchfiles")
"""Loggers that may bring handlers of their own; their lines belong among ours."""

_log = logging.getLogger(__name__)


def set_up(form: Literal["text", "json"], level: str, stream: TextIO | None = None) -> None:
    """Send every logger of the process to `stream` (standard error) in one form. Called once, by the program."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter(colour=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))  # what they tell below that is their own business


def _codes(kind: type[HeadraceError]) -> set[str]:
    return {kind.code}.union(*(_codes(each) for each in kind.__subclasses__()))


OUR_FAULTS = {Internal.code, WorkerLost.code}
NOT_SERVED = OUR_FAULTS | {DeadlineExceeded.code} | _codes(Unavailable)
"""Codes of requests that were right and got no answer: each is worth a line. A client's own fault is not."""


AS_WANTED = ("unloaded", "unloaded: loads on request")
"""Reasons of a model's state that are no fault."""


class RecordLog:
    """A listener of the bus: a line for each model and worker event, for requests that should have been served, and
    for generations.

    Lines about requests are limited by `bucket`, those about generations by `generations`; how many were left out is
    told by the next one. At level debug every request has its line, one that was shed another, and every step of a
    language model. Never writes what a request or a response holds.
    """

    def __init__(
        self,
        clock: Clock,
        bucket: TokenBucket | None = None,
        log: logging.Logger = _log,
        generations: TokenBucket | None = None,
    ) -> None:
        self._clock = clock
        self._not_served = _Limited(bucket or TokenBucket(rate_per_s=5, burst=20))
        self._generations = _Limited(generations or TokenBucket(rate_per_s=50, burst=200))
        self._log = log

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, RequestRecord):
                if record.error in NOT_SERVED:
                    self._refused(record)
                else:
                    self._debug("request answered", _request, record)
            elif isinstance(record, ModelEvent):
                self._model(record)
            elif isinstance(record, WorkerEvent):
                self._worker(record)
            elif isinstance(record, TrafficEvent):
                self._traffic(record)
            elif isinstance(record, GenerationRecord):
                self._limited(self._generations, logging.INFO, "generation ended", _generation(record))
            elif isinstance(record, ShedRecord):
                self._debug("request shed", _shed, record)
            elif isinstance(record, StepRecord):
                if record.facts.seconds:
                    self._debug("step computed", _step, record)
            else:
                # its requests tell
                assert isinstance(record, BatchRecord | CancelRecord | MirrorRecord | SampleRecord)

    def _refused(self, record: RequestRecord) -> None:
        level = logging.ERROR if record.error in OUR_FAULTS else logging.WARNING
        self._limited(self._not_served, level, "request not served", _request(record))

    def _limited(self, limited: "_Limited", level: int, event: str, fields: dict[str, Any]) -> None:
        if not limited.bucket.take(self._clock.now_ns()):
            limited.left_out += 1
            return
        if limited.left_out:
            fields["left_out"], limited.left_out = limited.left_out, 0
        self._line(level, event, fields)

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

    def _worker(self, event: WorkerEvent) -> None:
        fields = {"model": event.model.name, "version": event.model.version, "instance": event.instance}
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


class _Limited:
    """Lines of one kind, at most so many, and how many were left out since the last."""

    def __init__(self, bucket: TokenBucket) -> None:
        self.bucket = bucket
        self.left_out = 0


def _request(record: RequestRecord) -> dict[str, Any]:
    took_ns = record.finished_ns - record.arrived_ns
    return {
        "id": record.id,
        "model": record.model,
        "version": record.version,
        "protocol": record.protocol,
        "tenant": record.tenant,
        "code": record.error or "ok",
        "rows": record.rows,
        "ms": round(took_ns / 1e6, 4),
        "batch": record.batch.rows if record.batch else None,
        "trace": record.trace,
    }


def _shed(record: ShedRecord) -> dict[str, Any]:
    return {
        "model": record.model.name,
        "version": record.model.version,
        "tenant": record.tenant,
        "reason": record.reason,
        "predicted_ms": None if record.predicted_ns is None else round(record.predicted_ns / 1e6, 3),
        "deadline_ms": None if record.deadline_ns is None else round(record.deadline_ns / 1e6, 3),
    }


def _generation(record: GenerationRecord) -> dict[str, Any]:
    usage, times = record.usage, record.times
    return {
        "id": record.id,
        "model": record.model.name,
        "version": record.model.version,
        "finish": ",".join(sorted(set(record.finishes))),
        "n": record.n if record.n > 1 else None,
        "prompt_tokens": usage.prompt_tokens or None,  # None, here and below: it ended before that was told
        "cached_tokens": usage.cached_tokens,
        "tokens": usage.completion_tokens,
        "queue_ms": round(times.queued_ns / 1e6, 1) if times.first_token_ns else None,
        "ttft_ms": round(times.first_token_ns / 1e6, 1) or None,
        "tokens_per_s": _speed(record),
        "ms": round((record.finished_ns - record.arrived_ns) / 1e6, 1),
        "trace": record.trace,
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


def _speed(record: GenerationRecord) -> float | None:
    """Tokens a second of the longest choice, after its first; None where there is no second."""
    decode_ns = record.finished_ns - record.arrived_ns - record.times.first_token_ns
    if record.longest < 2 or decode_ns <= 0:
        return None
    return round((record.longest - 1) / decode_ns * 1e9, 1)
