"""Something long made a little each turn of the event loop, so that requests are answered in between."""

import asyncio
from collections.abc import Iterable
from time import perf_counter_ns

SLICE_NS = 500_000
"""How long one slice takes, and a part more: well below what a request would notice."""


async def joined(parts: Iterable[str], slice_ns: int = SLICE_NS) -> bytes:
    """The parts as lines. An empty part is no line, only a place to pause at."""
    made: list[bytes] = []
    lines: list[str] = []
    until_ns = perf_counter_ns() + slice_ns
    for part in parts:
        if part:
            lines.append(part)
        if perf_counter_ns() >= until_ns:
            made.append(_encoded(lines))
            lines = []
            await asyncio.sleep(0)
            until_ns = perf_counter_ns() + slice_ns
    made.append(_encoded(lines))
    return b"".join(made)


def _encoded(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode() if lines else b""
