"""Traces of a server's requests, from records to the collector: the place to start reading."""

import random
from collections.abc import Callable, Mapping, Sequence

from headrace import __version__
from headrace.clock import Clock
from headrace.observe.sift import generations_of
from headrace.records import Record, RequestRecord
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

    def follow(self, requests: Sequence[RequestRecord], slow: Sequence[bool], records: Sequence[Record]) -> None:
        places = self._sampling.keep(requests, slow, self._clock.now_ns())
        if places:
            generations = generations_of(records) if len(records) > len(requests) else {}
            lot = []
            for place in places:
                record = requests[place]
                mine = generations.get(record.id)
                lot.append(Kept(record, slow[place], mine.pop(0) if mine else None))
            self._export.put(lot)

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
