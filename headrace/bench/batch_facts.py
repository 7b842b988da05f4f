"""What a server tells of the run that answered a request: headers of HTTP, trailers of gRPC, the same names."""

import math
from collections.abc import Callable

from headrace.bench.samples import Batch


def batch_of(value: Callable[[bytes], bytes]) -> Batch | None:
    """The server's facts of a run, from its headers or trailers; None where it tells none."""
    rows, reason = value(b"x-batch-size"), value(b"x-batch-reason").decode(errors="replace")
    queue, compute = (_float(value(name)) for name in (b"x-queue-ms", b"x-compute-ms"))
    if not rows and not reason and math.isnan(queue) and math.isnan(compute):
        return None
    return Batch(
        int(rows) if rows.isdigit() else 0, reason, queue, compute, value(b"x-variant").decode(errors="replace")
    )


def _float(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
