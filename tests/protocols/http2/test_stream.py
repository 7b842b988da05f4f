"""A stream and who listens to it."""

from headrace.protocols.http2.codes import PROTOCOL_ERROR
from headrace.protocols.http2.stream import NOBODY
from tests.protocols.http2.peer import Peer


def test_a_stream_that_nobody_listens_to_takes_what_comes() -> None:
    NOBODY.receive(memoryview(b"x"), True)
    assert NOBODY.place(5) is None


def test_a_stream_that_is_gone_tells_its_receiver_once() -> None:
    peer = Peer()
    heard = peer.request()
    heard.stream.leave()
    assert heard.gone
    heard.gone = False
    heard.stream.leave()
    assert not heard.gone


def test_a_stream_that_is_reset_says_so_to_both_sides() -> None:
    peer = Peer()
    heard = peer.request()
    heard.stream.reset(PROTOCOL_ERROR)
    assert heard.gone
    assert peer.resets() == {1: PROTOCOL_ERROR}
