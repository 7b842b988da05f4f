"""A stream hands what it is asked to the connection under it."""

from headrace.protocols.http2 import codes
from headrace.protocols.http2.stream import NOBODY
from tests.protocols.http2.peer import Peer


def test_a_stream_that_nobody_listens_to_takes_what_comes() -> None:
    NOBODY.receive(memoryview(b"x"), True)
    assert NOBODY.place(5) is None


def test_a_stream_may_be_reset() -> None:
    peer = Peer()
    stream = peer.request().stream
    stream.reset(codes.CANCEL)
    stream.reset(codes.CANCEL)
    assert peer.resets() == {1: codes.CANCEL}
