"""Which finished requests are kept as traces: those whose client asks for it, a share of the others, and any that were
slow or failed."""

from collections.abc import Callable, Sequence

from headrace.gateway.token_bucket import TokenBucket
from headrace.records import RequestRecord

_SAMPLED = frozenset("13579bdf")
"""Last characters of a traceparent whose lowest flag is set."""


class Sampling:
    """Decides when a request is over, when it is known what became of it."""

    def __init__(self, ratio: float, follows_clients: bool, max_per_s: int, random: Callable[[], float]) -> None:
        """`ratio` is of requests whose client says nothing; `random` is from 0 up to 1."""
        self.left_out = 0  # because there were more than `max_per_s` to keep
        self._ratio = ratio
        self._follows_clients = follows_clients
        self._bucket = TokenBucket(max_per_s, max_per_s)
        self._random = random

    def keep(self, requests: Sequence[RequestRecord], slow: Sequence[bool], now_ns: int) -> list[int]:
        """The places of those that are kept."""
        random, ratio = self._random, self._ratio
        wanted = [
            place
            for place, record in enumerate(requests)
            if slow[place]
            or record.error
            or (self._is_asked(record) if record.trace and self._follows_clients else random() < ratio)
        ]
        kept = [place for place in wanted if self._bucket.take(now_ns)]
        self.left_out += len(wanted) - len(kept)
        return kept

    @staticmethod
    def _is_asked(record: RequestRecord) -> bool:
        return record.trace[-1] in _SAMPLED
