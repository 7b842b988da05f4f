"""Web servers that say no, send elsewhere, and are cut."""

import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPMessage
from io import BytesIO

import pytest

from headrace.remote import web
from headrace.remote.faults import RemoteFault
from tests.remote.answering import Told, answering, ranged

WHO = {"Authorization": "Bearer secret"}


async def test_a_refusal_is_an_answer_with_its_headers() -> None:
    with answering(lambda asked: Told(401, b"no", {"WWW-Authenticate": "Basic"})) as server:
        page = await web.get(server.url, {}, 100)
    assert (page.status, page.content, page.headers["www-authenticate"]) == (401, b"no", "Basic")


async def test_what_is_longer_than_it_may_be_is_a_fault() -> None:
    with answering(lambda asked: Told(200, b"12345")) as server, pytest.raises(RemoteFault, match="more than 4 bytes"):
        await web.get(server.url, {}, 4)


async def test_an_answer_comes_from_the_byte_on_that_is_asked_for() -> None:
    with answering(lambda asked: ranged(b"0123456789", asked)) as server:
        stream = await web.open_stream(server.url, {}, 7)
        assert (stream.status, b"".join([chunk async for chunk in stream.chunks()])) == (206, b"789")
        stream.close()


async def test_another_host_is_not_shown_who_asks() -> None:
    with answering(lambda asked: Told(200, b"there")) as other:
        sends = answering(lambda asked: Told(302, b"", {"Location": f"{other.url}/x" if asked.path == "/a" else "/a"}))
        with sends as first:
            page = await web.get(first.url, WHO, 100)
        assert page.content == b"there"
    assert [asked.headers.get("authorization") for asked in first.asked] == ["Bearer secret"] * 2
    assert "authorization" not in other.asked[0].headers


def test_nobody_is_sent_from_https_to_http() -> None:
    request = urllib.request.Request("https://host/a")
    headers = HTTPMessage()
    assert isinstance(headers, Message)
    with pytest.raises(urllib.error.URLError, match="from https to http, which is not followed"):
        web._Elsewhere().redirect_request(request, BytesIO(), 302, "", headers, "http://host/b")


async def test_a_server_that_is_not_there_is_a_fault_that_names_it() -> None:
    with answering(lambda asked: Told(200)) as server:
        pass
    with pytest.raises(RemoteFault, match=rf"^{server.host} does not answer, or was cut off .*; see to the network"):
        await web.get(f"{server.url}/path?token=secret", {}, 100)


async def test_an_answer_that_ends_too_soon_is_short_or_a_fault() -> None:
    with answering(lambda asked: Told(200, b"12", {"Content-Length": "100"})) as server:
        stream = await web.open_stream(server.url, {})
        try:
            assert b"".join([chunk async for chunk in stream.chunks()]) == b"12"
        except RemoteFault as fault:
            assert "was cut off" in str(fault)
        finally:
            stream.close()
