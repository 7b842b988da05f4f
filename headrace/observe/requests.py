"""What was asked lately: the last requests, and for an hour those that were slow or failed; found again by their id."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Set
from typing import Any

from headrace.alike import Lot
from headrace.clock import rfc3339
from headrace.observe.phases import phases
from headrace.records import GenerationRecord, RequestRecord
from headrace.request_list import Opened, Part, notable_of, parts_of, size_of

KEPT = 10_000
"""Requests of any kind, and as many that were slow or failed."""

KEPT_S = 3600
"""How long one is remembered that was slow or failed, while there is room."""

FORGOTTEN = 64
"""Of those that leave, bundles being one, that do so at once: they are on no cache any more, and each takes two
microseconds."""

MEMBERS = 64  # of a run that are named


class Requests:
    """A follower of `Sift` that keeps requests. Keeping costs next to nothing: they are looked through when asked."""

    def __init__(self, now_ns: Callable[[], int], epoch_ns: int, kept: int = KEPT) -> None:
        """`epoch_ns` is Unix time when the clock was 0."""
        self._now_ns = now_ns
        self._epoch_ns = epoch_ns
        self._kept = kept
        self._last: deque[Part] = deque()
        self._count = 0  # requests of these
        self._notable: deque[tuple[RequestRecord, bool]] = deque(maxlen=kept)
        self._generations: deque[GenerationRecord] = deque(maxlen=kept)

    def keep(self, lot: Lot, slow: Collection[int]) -> Iterator[None]:
        """Keep them; forgetting those that are too many by then is what is left, in steps."""
        self._last.extend(parts_of(lot.requests))
        self._count += len(lot.requests)
        if slow or any(group.error for group in lot.alike):
            self._notable.extend([(each, id(each) in slow) for _, each in notable_of(lot.requests, slow)])
        self._generations.extend(lot.generations)
        oldest_ns = self._now_ns() - KEPT_S * 1_000_000_000
        while self._notable and self._notable[0][0].finished_ns < oldest_ns:
            self._notable.popleft()
        return self._forgetting()

    def find(self, id_: str) -> RequestRecord | None:
        """The latest request of that id, its client's other name for it, or its trace."""
        return next((record for record, _ in self._newest_first() if id_ and id_ in _names(record)), None)

    def waterfall(self, id_: str) -> dict[str, Any] | None:
        """What became of a request, phase by phase; None where it is not known."""
        record = self.find(id_)
        if record is None:
            return None
        generation = self._generation_of(record)
        told = self._line(record, self._slow()) | {"phases": _phases_json(record, generation)}
        if record.batch is not None:
            told["batch"] = self._batch_json(record)
        if record.cache is not None:
            told["cache"] = "hit" if record.cache.hit else "miss"
        if generation is not None:
            told["generation"] = _generation_json(generation)
        return told

    def latest(self, model: str = "", slow_only: bool = False, limit: int = 100) -> list[dict[str, Any]]:
        """Requests, newest first: of a model or of all, any or those that were slow or failed."""
        found: list[dict[str, Any]] = []
        slow = self._slow()
        records: Iterator[RequestRecord]
        records = (record for record, _ in reversed(self._notable)) if slow_only else self._last_first()
        for record in records:
            if len(found) == limit:
                break
            if not model or record.model == model:
                found.append(self._line(record, slow))
        return found

    def _forgetting(self) -> Iterator[None]:
        forgotten = 0
        while self._last and self._count - size_of(self._last[0]) >= self._kept:
            self._count -= size_of(self._last.popleft())
            forgotten += 1
            if forgotten % FORGOTTEN == 0:
                yield

    def _newest_first(self) -> Iterator[tuple[RequestRecord, bool]]:
        yield from ((record, False) for record in self._last_first())
        yield from reversed(self._notable)

    def _last_first(self) -> Iterator[RequestRecord]:
        for part in reversed(self._last):
            if isinstance(part, Opened):
                yield from reversed(part)
            else:
                yield part

    def _generation_of(self, record: RequestRecord) -> GenerationRecord | None:
        for generation in reversed(self._generations):
            if generation.id == record.id and record.arrived_ns <= generation.finished_ns <= record.finished_ns:
                return generation
        return None

    def _slow(self) -> Set[int]:
        """Those of the records kept, by identity."""
        return {id(record) for record, slow in self._notable if slow}

    def _line(self, record: RequestRecord, slow: Set[int]) -> dict[str, Any]:
        end_ns = record.written_ns or record.finished_ns
        return {
            "id": record.id,
            "also": record.also,
            "trace": record.trace[3:35],
            "model": record.model,
            "version": "" if record.version is None else str(record.version),
            "protocol": record.protocol,
            "tenant": record.tenant,
            "rows": record.rows,
            "code": record.error or "ok",
            "slow": id(record) in slow,
            "at": rfc3339((record.arrived_ns + self._epoch_ns) / 1e9, "microseconds"),
            "ms": _ms(end_ns - record.arrived_ns),
        }

    def _batch_json(self, record: RequestRecord) -> dict[str, Any]:
        batch = record.batch
        assert batch is not None
        members = [other.id for other in self._last_first() if other.batch is batch]
        return {
            "rows": batch.rows,
            "requests": batch.requests,
            "reason": batch.reason,
            "instance": batch.instance,
            "variant": batch.variant,
            "members": members[:MEMBERS],
        }


def _names(record: RequestRecord) -> tuple[str, str, str]:
    return record.id, record.also, record.trace[3:35]


def _phases_json(record: RequestRecord, generation: GenerationRecord | None) -> list[dict[str, Any]]:
    return [
        {
            "name": phase.name,
            "start_ms": _ms(phase.start_ns - record.arrived_ns),
            "ms": _ms(phase.end_ns - phase.start_ns),
        }
        for phase in phases(record, generation)
    ]


def _generation_json(generation: GenerationRecord) -> dict[str, Any]:
    usage = generation.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
        "finishes": generation.finishes,
        "ttft_ms": _ms(generation.times.first_token_ns),
    }


def _ms(duration_ns: int) -> float:
    return round(duration_ns / 1e6, 4)
