"""A line for each request, or for one in so many: chosen by a follower of `Sift`, made by the writer's thread.

What a request or its answer holds is never written, nor what its headers say besides ids and tenant.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from headrace.errors import DeadlineExceeded, HeadraceError, Internal, Unavailable, WorkerLost
from headrace.observe.log_format import Told
from headrace.observe.log_output import LogOutput
from headrace.observe.phases import phases
from headrace.observe.sift import generations_of
from headrace.observe.thinning import Thinning
from headrace.records import GenerationRecord, Record, RequestRecord

LOGGER = "headrace.requests"


def _codes(kind: type[HeadraceError]) -> set[str]:
    return {kind.code}.union(*(_codes(each) for each in kind.__subclasses__()))


OUR_FAULTS = {Internal.code, WorkerLost.code}
NOT_SERVED = OUR_FAULTS | {DeadlineExceeded.code} | _codes(Unavailable)
"""Codes of requests that were right and got no answer. All others are a client's own fault."""


class _Line(NamedTuple):
    """What a line is made of, on the other thread."""

    record: RequestRecord
    slow: bool
    generation: GenerationRecord | None
    stands_for: int


class RequestLines:
    """Chooses the requests that have a line.

    Those that failed or were slow have it always, but for what is more than `max_notable_per_s`, which is counted; of
    all others up to `max_per_s`. A model at level debug has all of them.
    """

    def __init__(
        self,
        output: LogOutput,
        max_per_s: int,
        max_notable_per_s: int,
        now_ns: Callable[[], int],
        epoch_ns: int,
    ) -> None:
        """`epoch_ns` is Unix time when the clock was 0."""
        self.dropped = Counter(rate=0)  # lines about requests that failed or were slow
        self._output = output
        self._levels = output.levels
        self._now_ns = now_ns
        self._epoch_ns = epoch_ns
        self._usual = Thinning(max_per_s)
        self._notable = Thinning(max_notable_per_s)
        self._usual_wanted = max_per_s > 0

    def follow(self, requests: Sequence[RequestRecord], slow: Sequence[bool], records: Sequence[Record]) -> None:
        if not requests:
            return
        notable, usual, whole = self._sorted(requests, slow)
        now_ns = self._now_ns()
        chosen = [(place, 1) for place in whole]
        for places, thinning in ((notable, self._notable), (usual, self._usual)):
            picked, stands_for = thinning.pick(len(places), now_ns)
            chosen += [(places[each], stands_for) for each in picked]
            if thinning is self._notable:
                self.dropped["rate"] += len(places) - len(picked)
        if chosen:
            chosen.sort()
            generations = generations_of(records) if len(records) > len(requests) else {}
            lines = [
                _Line(requests[place], slow[place], _of(requests[place], generations), stands_for)
                for place, stands_for in chosen
            ]
            self._output.writer.make(len(lines), partial(self._made, lines))

    def _sorted(
        self, requests: Sequence[RequestRecord], slow: Sequence[bool]
    ) -> tuple[list[int], list[int], list[int]]:
        """The places of those that failed or were slow, of others, and of those whose model is looked into."""
        levels = self._levels
        usual: list[int] = []
        notable: list[int] = []
        whole: list[int] = []
        plain = levels.same_for_all and levels.shows(logging.INFO) and not levels.shows(logging.DEBUG)
        if plain and self._usual_wanted and not any(slow) and not any(each.error for each in requests):
            return notable, list(range(len(requests))), whole  # as it is most of the time
        for place, each in enumerate(requests):
            severity = _severity(each, slow[place])
            if not levels.shows(severity, each.model):
                continue
            if levels.shows(logging.DEBUG, each.model):
                whole.append(place)
            elif each.error or slow[place]:
                if self._usual_wanted or severity > logging.INFO:
                    notable.append(place)
            elif self._usual_wanted:
                usual.append(place)
        return notable, usual, whole

    def _made(self, lines: Sequence[_Line]) -> list[str]:
        """On the writer's thread."""
        return [self._output.form.line(self._told(line)) + "\n" for line in lines]

    def _told(self, line: _Line) -> Told:
        record = line.record
        severity = _severity(record, line.slow)
        event = "request not served" if record.error in NOT_SERVED else "request refused" if record.error else "request"
        at_s = (record.finished_ns + self._epoch_ns) / 1e9
        return Told(at_s, logging.getLevelName(severity), LOGGER, event, _fields(line))


def _severity(record: RequestRecord, slow: bool) -> int:
    if record.error in OUR_FAULTS:
        return logging.ERROR
    return logging.WARNING if slow or record.error in NOT_SERVED else logging.INFO


def _fields(line: _Line) -> dict[str, Any]:
    record, generation = line.record, line.generation
    run = record.batch
    fields: dict[str, Any] = {
        "id": record.id,
        "also": record.also,
        "model": record.model,
        "version": record.version,
        "protocol": record.protocol,
        "tenant": record.tenant,
        "code": record.error or "ok",
        "rows": record.rows,
        "ms": _ms(record.finished_ns - record.arrived_ns),
        "slow": line.slow or None,
        "batch": run.rows if run else None,
        "variant": run.variant if run else None,
        "cache": None if record.cache is None else "hit" if record.cache.hit else "miss",
        "trace": record.trace,
        "of": line.stands_for if line.stands_for > 1 else None,
    }
    took_ns: dict[str, int] = {}
    for phase in phases(record, generation):
        name = phase.name
        if name != "batch":
            took_ns[name] = took_ns.get(name, 0) + phase.end_ns - phase.start_ns
    for name, duration_ns in took_ns.items():
        fields[f"{name}_ms"] = _ms(duration_ns)
    if generation is not None:
        fields |= generation_fields(generation)
    return {name: value for name, value in fields.items() if value or value == 0}


def _ms(duration_ns: int) -> float:
    """To a ten-thousandth; `round` takes longer than all else of a line."""
    return (duration_ns + 50) // 100 / 10_000


def generation_fields(generation: GenerationRecord) -> dict[str, Any]:
    """What is told of what a language model made."""
    usage, times = generation.usage, generation.times
    return {
        "finish": ",".join(sorted(set(generation.finishes))),
        "n": generation.n if generation.n > 1 else None,
        "prompt_tokens": usage.prompt_tokens or None,  # None, here and below: it ended before that was told
        "cached_tokens": usage.cached_tokens,
        "tokens": usage.completion_tokens,
        "ttft_ms": round(times.first_token_ns / 1e6, 1) or None,
        "tokens_per_s": _speed(generation),
    }


def _speed(generation: GenerationRecord) -> float | None:
    """Tokens a second of the longest choice, after its first; None where there is no second."""
    decode_ns = generation.finished_ns - generation.arrived_ns - generation.times.first_token_ns
    if generation.longest < 2 or decode_ns <= 0:
        return None
    return round((generation.longest - 1) / decode_ns * 1e9, 1)


def _of(record: RequestRecord, generations: dict[str, list[GenerationRecord]]) -> GenerationRecord | None:
    """The generation of a request; of several under one id the next."""
    found = generations.get(record.id)
    return found.pop(0) if found else None
