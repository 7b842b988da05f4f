"""What a line about a request says. What it or its answer holds is never told, nor what its headers say besides ids and
tenant."""

import logging

from headrace.clock import rfc3339_ns
from headrace.errors import DeadlineExceeded, HeadraceError, Internal, Unavailable, WorkerLost
from headrace.observe.log_format import Line
from headrace.observe.phases import phases
from headrace.records import GenerationRecord, RequestRecord

LOGGER = "headrace.requests"


def _codes(kind: type[HeadraceError]) -> set[str]:
    return {kind.code}.union(*(_codes(each) for each in kind.__subclasses__()))


OUR_FAULTS = {Internal.code, WorkerLost.code}
NOT_SERVED = OUR_FAULTS | {DeadlineExceeded.code} | _codes(Unavailable)
"""Codes of requests that were right and got no answer. All others are a client's own fault."""

_LEVELS = {level: logging.getLevelName(level).lower() for level in (logging.INFO, logging.WARNING, logging.ERROR)}
_TOOK = {
    name: f"{name}_ms"
    for name in ("parse", "admit", "queue", "compute", "serialise", "prefill", "decode", "preempted", "held")
}
"""The field of each phase; that of a run is everybody's, and has none."""


class RequestLine(Line):
    """The fields in their order; what is empty is left out."""

    id: str = ""
    also: str = ""
    model: str = ""
    version: int | None = None
    protocol: str = ""
    tenant: str = ""
    code: str = ""
    rows: int | None = None
    ms: float | None = None
    slow: bool | None = None
    batch: int | None = None  # rows of its run
    variant: str = ""
    cache: str = ""
    trace: str = ""
    of: int | None = None  # requests that it stands for
    parse_ms: float | None = None
    admit_ms: float | None = None
    queue_ms: float | None = None
    compute_ms: float | None = None
    prefill_ms: float | None = None
    decode_ms: float | None = None
    preempted_ms: float | None = None
    serialise_ms: float | None = None
    held_ms: float | None = None
    finish: str = ""
    n: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    tokens: int | None = None
    ttft_ms: float | None = None
    tokens_per_s: float | None = None


def severity(record: RequestRecord, slow: bool) -> int:
    """As `logging` has it."""
    if record.error in OUR_FAULTS:
        return logging.ERROR
    return logging.WARNING if slow or record.error in NOT_SERVED else logging.INFO


def request_line(
    record: RequestRecord, slow: bool, generation: GenerationRecord | None, stands_for: int, epoch_ns: int
) -> RequestLine:
    """`epoch_ns` is Unix time when the clock was 0."""
    if record.batch is not None and generation is None:
        return run_line(record, record.id, record.arrived_ns, slow, stands_for, epoch_ns)
    error = record.error
    line = RequestLine(
        rfc3339_ns(record.finished_ns + epoch_ns),
        _LEVELS[severity(record, slow)],
        LOGGER,
        _event(error),
        record.id,
        record.also,
        record.model,
        record.version,
        record.protocol,
        record.tenant,
        error or "ok",
        record.rows,
        _ms(record.finished_ns - record.arrived_ns),
        slow or None,
        record.batch.rows if record.batch else None,
        record.batch.variant if record.batch else "",
        _cache(record),
        record.trace,
        stands_for if stands_for > 1 else None,
    )
    tell_phases(line, record, generation)
    if generation is not None:
        _tell_generation(line, generation)
    return line


def run_line(
    record: RequestRecord, id_: str, arrived_ns: int, slow: bool, stands_for: int, epoch_ns: int
) -> RequestLine:
    """The same of one that was run, as most are, in a third of the time; it has all but its id and its arrival in
    common with `record`."""
    run, error = record.batch, record.error
    assert run is not None
    submitted_ns, finished_ns = record.submitted_ns, record.finished_ns
    admitted_ns, written_ns = record.admitted_ns, record.written_ns
    waited_ns = run.started_ns - (admitted_ns or submitted_ns)
    return RequestLine(
        rfc3339_ns(finished_ns + epoch_ns),
        _LEVELS[severity(record, slow)] if error or slow else "info",
        LOGGER,
        _event(error) if error else "request",
        id_,
        record.also,
        record.model,
        record.version,
        record.protocol,
        record.tenant,
        error or "ok",
        record.rows,
        (finished_ns - arrived_ns + 50) // 100 / 10_000,  # as `_ms`, here and below
        slow or None,
        run.rows,
        run.variant,
        _cache(record) if record.cache is not None else "",
        record.trace,
        stands_for if stands_for > 1 else None,
        (submitted_ns - arrived_ns + 50) // 100 / 10_000 if submitted_ns >= arrived_ns else None,
        (admitted_ns - submitted_ns + 50) // 100 / 10_000 if admitted_ns and admitted_ns >= submitted_ns else None,
        (waited_ns + 50) // 100 / 10_000 if waited_ns > 0 else 0.0,
        (run.infer_ns + 50) // 100 / 10_000,
        None,
        None,
        None,
        (written_ns - finished_ns + 50) // 100 / 10_000 if written_ns and written_ns >= finished_ns else None,
    )


def _event(error: str) -> str:
    return "request" if not error else "request not served" if error in NOT_SERVED else "request refused"


def _cache(record: RequestRecord) -> str:
    return "" if record.cache is None else "hit" if record.cache.hit else "miss"


def tell_phases(line: RequestLine, record: RequestRecord, generation: GenerationRecord | None) -> None:
    """What a request's time was spent on, of any."""
    took_ns: dict[str, int] = {}
    for phase in phases(record, generation):
        took_ns[phase.name] = took_ns.get(phase.name, 0) + phase.end_ns - phase.start_ns
    for name, duration_ns in took_ns.items():
        if field := _TOOK.get(name):
            setattr(line, field, _ms(duration_ns))


def _tell_generation(line: RequestLine, generation: GenerationRecord) -> None:
    """What is told of what a language model made."""
    usage, times = generation.usage, generation.times
    line.finish = ",".join(sorted(set(generation.finishes)))
    line.n = generation.n if generation.n > 1 else None
    line.prompt_tokens = usage.prompt_tokens or None  # None, here and below: it ended before that was told
    line.cached_tokens = usage.cached_tokens
    line.tokens = usage.completion_tokens
    line.ttft_ms = round(times.first_token_ns / 1e6, 1) or None
    line.tokens_per_s = _speed(generation)


def _speed(generation: GenerationRecord) -> float | None:
    """Tokens a second of the longest choice, after its first; None where there is no second."""
    decode_ns = generation.finished_ns - generation.arrived_ns - generation.times.first_token_ns
    if generation.longest < 2 or decode_ns <= 0:
        return None
    return round((generation.longest - 1) / decode_ns * 1e9, 1)


def _ms(duration_ns: int) -> float:
    """To a ten-thousandth; `round` takes longer than all else of a line."""
    return (duration_ns + 50) // 100 / 10_000
