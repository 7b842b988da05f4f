"""What a connection of HTTP/2 serves, as the connection sees it."""

from typing import TYPE_CHECKING, Protocol, TypeVar

from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.stream import Receiver, Stream

if TYPE_CHECKING:
    from headrace.protocols.http2.connection import Connection

HeadT = TypeVar("HeadT")


class Application(Protocol[HeadT]):
    """Serves the requests of any number of connections."""

    def read(self, headers: Headers) -> HeadT:
        """What a request's headers say; the same headers may be read once for many. Raises StreamFault."""
        ...

    def open(self, stream: Stream, head: HeadT) -> Receiver:
        """A request has begun."""
        ...

    def connected(self, connection: "Connection[HeadT]") -> None: ...

    def lost(self, connection: "Connection[HeadT]") -> None: ...
