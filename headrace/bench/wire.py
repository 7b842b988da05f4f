"""What a loop needs of a connection to a server, whatever it speaks: send, and be told once."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from headrace.arrivals import Arrival
from headrace.bench.samples import Answer

Done = Callable[[Answer], None]
Cancel = Callable[[], None]


class Outgoing(NamedTuple):
    """One request, encoded before it is due. `head` and `body` mean what the wire says they do."""

    head: bytes
    body: bytes
    rows: int = 1
    length: int = 0
    tenant: str = ""


class Wire(Protocol):
    """Connections to one server, owned by whoever made it."""

    @property
    def held_back(self) -> int:
        """Requests so far that had to wait because every connection that there may be was in use."""
        ...

    def send(self, request: Outgoing, done: Done) -> Cancel:
        """Send it; `done` is called once, on the event loop, unless it is cancelled before."""
        ...

    async def close(self) -> None:
        """Close every connection; nobody is told any more."""
        ...


class Source(Protocol):
    """Makes requests."""

    def prepare(self, arrivals: Iterable[Arrival]) -> None:
        """Do now what can be done before these are due."""
        ...

    def make(self, arrival: Arrival) -> Outgoing:
        """The request for an arrival, quickly: it is due now."""
        ...
