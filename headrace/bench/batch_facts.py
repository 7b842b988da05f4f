"""What a server tells of the run that answered a request: headers of HTTP, trailers of gRPC, the same names."""

import math
from collections.abc import Callable

from headrace.bench.samples import Batch

_MOST_DIGITS = 10  # of a number of rows that can be believed


def batch_of(value: Callable[[bytes], bytes]) -> Batch | None:
    """The server's facts of a run, from its headers or trailers; None where it tells none."""
    rows, reason = value(b"x-batch-size"), value(b"x-batch-reason").decode(errors="replace")
    queue, compute = (_float(value(name)) for name in (b"x-queue-ms", b"x-compute-ms"))
    if not rows and not reason and math.isnan(queue) and math.isnan(compute):
        return None
    return Batch(
        int(rows) if rows.isdigit() and len(rows) < _MOST_DIGITS else 0,
        reason,
        queue,
        compute,
        value(b"x-variant").decode(errors="replace"),
    )


def _float(value: bytes) -> float:
    try:
        read = float(value)
    except ValueError:
        return math.nan
    return read if 0 <= read < math.inf else math.nan
