"""Lines that come again and again: some are written, and how many were left out is told by the next."""

import logging
from collections.abc import Callable

from headrace.gateway.token_bucket import TokenBucket
from headrace.observe.log_format import FIELDS

BURST = 20  # lines of one kind that are written at once
PER_S = 1.0  # and of the same kind after that
KINDS = 1000  # that are remembered


class Repeats:
    """A filter of lines by their kind: who tells it, in which words, of which model; not with which values.

    Lines for debugging pass: who asked for them wants each.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._kinds: dict[tuple[str, str, object], tuple[TokenBucket, list[int]]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """As logging asks of a filter: whether a line is written."""
        if record.levelno <= logging.DEBUG:
            return True
        fields = getattr(record, FIELDS, None) or {}
        kind = record.name, str(record.msg), fields.get("model")
        if kind not in self._kinds and len(self._kinds) >= KINDS:
            self._kinds.clear()
        bucket, left_out = self._kinds.setdefault(kind, (TokenBucket(PER_S, BURST), [0]))
        if not bucket.take(self._now_ns()):
            left_out[0] += 1
            return False
        if left_out[0]:
            setattr(record, FIELDS, {**fields, "left_out": left_out[0]})
            left_out[0] = 0
        return True
