"""Traces of a server's requests, from records to the collector: the place to start reading."""

import random
from collections.abc import Callable, Collection, Mapping

from headrace import __version__
from headrace.alike import Lot
from headrace.clock import Clock
from headrace.observe.sift import generations_of
from headrace.tracing.export import Export, Exporter
from headrace.tracing.plan import Plan
from headrace.tracing.sampling import Sampling
from headrace.tracing.spans import Kept, SpanMaker


class Tracing:
    """A follower of `Sift` that keeps requests by `Sampling` and hands them to `Export`."""

    def __init__(self, sampling: Sampling, export: Export, clock: Clock) -> None:
        self._sampling = sampling
        self._export = export
        self._clock = clock

    def follow(self, lot: Lot, slow: Collection[int]) -> None:
        places = self._sampling.keep(lot, slow, self._clock.now_ns())
        if places:
            generations = generations_of(lot)
            kept = []
            for place in places:
                record = lot.requests[place]
                mine = generations.get(record.id)
                kept.append(Kept(record, id(record) in slow, mine.pop(0) if mine else None))
            self._export.put(kept)

    def asked(self, asked: Callable[[], Mapping[str, tuple[int, int]]]) -> None:
        """Also keep one in so many of a model's requests, and so many at most: what `asked` says at any time."""
        self._sampling.asked = asked

    def dropped(self) -> dict[str, int]:
        """Requests whose traces were left out, by reason."""
        return {**self._export.dropped, "rate": self._sampling.left_out}

    def start(self) -> None:
        self._export.start()

    def close(self) -> None:
        self._export.close()


def tracing(decided: Plan, environment: Mapping[str, str], clock: Clock, epoch_ns: int) -> Tracing:
    """As it was decided."""
    sampling = Sampling(decided.ratio, decided.follows_clients, decided.max_per_s, random.random)
    maker = SpanMaker(epoch_ns, random.Random().getrandbits)
    return Tracing(sampling, Export(maker, lambda: _connect(decided, environment)), clock)


def _connect(decided: Plan, environment: Mapping[str, str]) -> Exporter:
    from headrace.tracing.otlp import Otlp

    return Otlp(decided, __version__, environment)
