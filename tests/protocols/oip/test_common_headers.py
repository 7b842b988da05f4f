"""Header lines that every answer has."""

from uvicorn.server import ServerState

from headrace.protocols.oip.common_headers import CommonHeaders


def test_they_are_those_that_the_server_has_now() -> None:
    state = ServerState()
    common = CommonHeaders(state)
    assert common.lines() == b""
    state.default_headers = [(b"date", b"now"), (b"a", b"b")]
    assert common.lines() == b"date: now\r\na: b\r\n"
    state.default_headers = [(b"date", b"later")]
    assert common.lines() == b"date: later\r\n"
