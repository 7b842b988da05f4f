"""What a connection of HTTP/2 serves, as the connection sees it."""

from typing import Protocol, TypeVar

from headrace.protocols.http2.again import Again
from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.stream import Receiver, Stream

HeadT = TypeVar("HeadT")
LinkT_contra = TypeVar("LinkT_contra", contravariant=True)


class Application(Protocol[HeadT, LinkT_contra]):
    """Serves the requests of any number of connections, which are each a `LinkT`."""

    def read(self, headers: Headers) -> HeadT:
        """What a request's headers say; the same headers may be read once for many. Raises StreamFault."""
        ...

    def open(self, stream: Stream, head: HeadT) -> Receiver:
        """A request has begun."""
        ...

    def again(self, head: HeadT, content: bytes) -> Again | None:
        """What takes requests like one that was opened, with that content, which differ in some of it alone; None where
        each is to be opened."""
        ...

    def connected(self, connection: LinkT_contra) -> None: ...

    def lost(self, connection: LinkT_contra) -> None: ...
