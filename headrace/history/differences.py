"""Counts that only grow, as what was added since somebody last looked."""

from collections.abc import Iterable, Mapping

from headrace.errors import Cancelled
from headrace.history.point import Point
from headrace.observe.tally import Key, VersionTally
from headrace.types import ModelVersion


class _Counts:
    """What a tally said when it was last looked at."""

    __slots__ = ("errors", "reasons", "rows", "runs", "shed", "tally", "tokens", "took", "took_ns", "waited_ns")

    def __init__(self, tally: VersionTally) -> None:
        self.tally = tally
        self.took = list(tally.request_ns.counts)
        self.took_ns = tally.request_ns.total
        self.waited_ns = tally.queue.ns
        self.errors = tally.fail.count - _withdrawn(tally)
        self.runs = sum(tally.closed.values())
        self.rows = tally.batch_rows.total
        self.reasons = dict(tally.closed)
        self.shed = sum(count for _, count in tally.shed.items())
        self.tokens = tally.language.tokens["generation"]


def _withdrawn(tally: VersionTally) -> int:
    """Requests whose callers left: nobody was told of an error."""
    return sum([count for (_, code), count in tally.outcomes.items() if code == Cancelled.code])


class Differences:
    """Looks at tallies again and again, and tells what each version did since the time before."""

    def __init__(self) -> None:
        self._before: dict[Key, _Counts] = {}

    def look(
        self,
        tallies: Mapping[Key, VersionTally],
        queued: Mapping[ModelVersion, int],
        num_bytes: Mapping[ModelVersion, int],
    ) -> Iterable[tuple[ModelVersion, Point]]:
        """A point for each version that is counted; one that was loaded anew began from nothing."""
        before, self._before = self._before, {key: _Counts(tally) for key, tally in tallies.items()}
        for key, now in self._before.items():
            name, version = key
            if version is None:
                continue
            then = before.get(key)
            if then is None or then.tally is not now.tally:
                then = _NOTHING
            of = ModelVersion(name, version)
            yield of, _difference(then, now, queued.get(of, 0), num_bytes.get(of, 0))


_NOTHING = _Counts(VersionTally(0.0))


def _difference(then: _Counts, now: _Counts, queued: int, num_bytes: int) -> Point:
    grown = [after - before for before, after in zip(then.took, now.took, strict=True)]
    took = tuple((bucket, count) for bucket, count in enumerate(grown) if count)
    reasons = {reason: count - then.reasons.get(reason, 0) for reason, count in now.reasons.items()}
    return Point(
        requests=sum(grown),
        errors=now.errors - then.errors,
        took=took,
        took_ns=now.took_ns - then.took_ns,
        waited_ns=now.waited_ns - then.waited_ns,
        runs=now.runs - then.runs,
        rows=now.rows - then.rows,
        reasons={reason: count for reason, count in reasons.items() if count},
        shed=now.shed - then.shed,
        tokens=now.tokens - then.tokens,
        queued=queued,
        num_bytes=num_bytes,
    )
