"""Large pieces of memory, for what comes and goes once: in large pages.

The system gives memory page by page as it is first written, and small pages cost more than copying to them does. numpy
asks for large ones (`madvise`, MADV_HUGEPAGE) where a piece is large enough to be given back to the system as a whole.
"""

from collections.abc import Sequence

import numpy as np

from headrace.types import Buffer

LARGE_BYTES = 4 << 20  # from here on numpy asks for them


def room(num_bytes: int) -> memoryview:
    """So many bytes that are yet to be written. Raises MemoryError."""
    return np.empty(num_bytes, np.uint8).data


def joined(parts: Sequence[Buffer]) -> Buffer:
    """All parts in one piece of its own."""
    if sum(map(len, parts)) < LARGE_BYTES:  # of a view this counts items: it is looked at closer where it matters
        return b"".join(parts)
    views = [part.cast("B") if isinstance(part, memoryview) else part for part in parts]
    memory = room(sum(map(len, views)))
    fill(memory, views)
    return memory


def fill(memory: memoryview, parts: Sequence[Buffer]) -> memoryview:
    """Write the parts, of bytes, one behind the other; the memory behind them."""
    for part in parts:
        memory[: len(part)] = part
        memory = memory[len(part) :]
    return memory
