"""What the connections of one server share: memory to read into, their turns, and how much may wait for clients."""

from typing import NamedTuple

from headrace.protocols.http2.line import Line

MOST_UNSENT_BYTES = 512 << 20


class Unsent:
    """How much content waits, on all connections together, for clients that do not take it."""

    def __init__(self, most_bytes: int = MOST_UNSENT_BYTES) -> None:
        self.most_bytes = most_bytes
        self.total_bytes = 0


class Shared(NamedTuple):
    """Of the connections of one event loop."""

    memory: memoryview  # that they read into, one after another
    line: Line  # where they wait for their turns
    unsent: Unsent
