"""What the parser does not read is read again as a plain request, or refused in words."""

import httptools
import pytest

from headrace.errors import Internal, InvalidRequest
from headrace.protocols.oip.unparsed import refusal_of, without_upgrade


def test_a_request_for_another_protocol_is_a_plain_one_without_that_wish() -> None:
    headers = [(b"host", b"h"), (b"connection", b"Upgrade"), (b"upgrade", b"h2c")]
    plain = without_upgrade(b"GET", b"/v2", "1.1", headers, b"rest")
    assert plain == b"GET /v2 HTTP/1.1\r\nhost: h\r\nconnection: keep-alive\r\n\r\nrest"


def test_a_connection_that_was_to_be_closed_is_still() -> None:
    plain = without_upgrade(b"GET", b"/v2", "1.1", [(b"connection", b"upgrade, Close")], b"")
    assert b"connection: close\r\n" in plain


def test_what_is_no_http_is_refused_as_that() -> None:
    refusal = refusal_of(httptools.HttpParserError("no method"))
    assert isinstance(refusal, InvalidRequest)
    assert "not HTTP/1.1: no method" in str(refusal)


def test_a_fault_of_ours_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    error = httptools.HttpParserCallbackError("callback")
    error.__context__ = RuntimeError("ours")
    refusal = refusal_of(error)
    assert isinstance(refusal, Internal)
    assert "ours" not in str(refusal)
    assert "ours" in caplog.text
