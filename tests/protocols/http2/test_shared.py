"""What connections share is each one's and all others'."""

from typing import Any

from headrace.protocols.http2 import codes
from headrace.protocols.http2.budget import Budget
from headrace.protocols.http2.sender import Sender
from headrace.protocols.http2.shared import Unsent
from headrace.protocols.http2.stream import Stream
from tests.protocols.http2.peer import FakeTransport


def test_what_waits_on_one_connection_leaves_less_room_on_another_that_has_some_waiting() -> None:
    unsent, nobody = Unsent(1 << 20), None
    senders = [Sender(FakeTransport(), lambda stream: None, Budget(10, 0, lambda: 0.0), unsent) for _ in range(2)]
    for sender, size in zip(senders, (900_000, 200_000), strict=True):
        carrier: Any = nobody
        assert sender.has_room(size)
        sender.send(Stream(1, carrier, codes.FIRST_WINDOW, 0, 0), b"h", (bytes(size),), size, b"t")
    assert not senders[1].has_room(100_000)
