"""Asking web servers that tell more than a store of objects does: each status is an answer, bytes come in chunks.

Runs on threads, with the standard library alone. Where a server sends elsewhere, what it was told to trust us by stays
with it, and nobody is sent from https to http.
"""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Any
from urllib.parse import urlsplit

import msgspec

from headrace.remote.faults import Changed, NoRange, RemoteFault
from headrace.remote.listing import RemoteFile

TIMEOUT_S = 30.0  # a connection that brings nothing for so long is given up
CHUNK_BYTES = 1 << 20


class Page(msgspec.Struct, frozen=True):
    """A whole answer. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


async def get(url: str, headers: Mapping[str, str], most_bytes: int) -> Page:
    """The answer, whatever its status. Raises RemoteFault where there is none, or it is longer than that."""

    def ask() -> Page:
        with _open(url, headers) as response:
            content = response.read(most_bytes + 1)
            return Page(response.status, _headers(response), content)

    try:
        page = await asyncio.to_thread(ask)
    except (OSError, HTTPException, ValueError) as error:
        raise _cut(url, error) from error
    if len(page.content) > most_bytes:
        raise RemoteFault(f"{_shown(url)} has more than {most_bytes} bytes")
    return page


class Stream:
    """An answer that is read piece by piece; to be closed."""

    def __init__(self, url: str, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = _headers(response)
        self._url = url
        self._response = response

    async def chunks(self) -> AsyncIterator[bytes]:
        """What is in it. Raises RemoteFault where it is cut."""
        try:
            while chunk := await asyncio.to_thread(self._response.read, CHUNK_BYTES):
                yield chunk
        except (OSError, HTTPException, ValueError) as error:
            raise _cut(self._url, error) from error

    def close(self) -> None:
        self._response.close()


async def body_of(
    stream: Stream, file: RemoteFile, start: int, refused: Callable[[int], RemoteFault]
) -> AsyncGenerator[bytes, None]:
    """The bytes of a file from one on, as the answer has them; closes it. `refused` says what a status means.

    Raises Changed, NoRange or RemoteFault, as `Store.read`.
    """
    try:
        if stream.status == 404:
            raise Changed(f"{file.path} is not there any more")
        if start and stream.status in (200, 416):
            raise NoRange(f"{file.path} is given from its beginning only")
        if stream.status not in (200, 206):
            raise refused(stream.status)
        async for chunk in stream.chunks():
            yield chunk
    finally:
        stream.close()


async def open_stream(url: str, headers: Mapping[str, str], start: int = 0) -> Stream:
    """The answer from a byte on, as far as the server does that: 206 says that it does. Raises RemoteFault."""
    wanted = {**headers, "Range": f"bytes={start}-"} if start else headers
    try:
        return Stream(url, await asyncio.to_thread(_open, url, wanted))
    except (OSError, HTTPException, ValueError) as error:
        raise _cut(url, error) from error


class _EveryStatus(urllib.request.HTTPErrorProcessor):
    """An answer is an answer, also where it says no; only those that send elsewhere are followed."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        sends_on = response.status in (301, 302, 303, 307, 308)
        return super().http_response(request, response) if sends_on else response

    https_response = http_response


class _Elsewhere(urllib.request.HTTPRedirectHandler):
    """Follows, without what another host must not see."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if before.scheme == "https" and after.scheme != "https":
            raise urllib.error.URLError(f"{before.netloc} sends from https to {after.scheme}, which is not followed")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and before.netloc != after.netloc:
            request.headers.pop("Authorization", None)
        return request


_OPENER = urllib.request.build_opener(_EveryStatus, _Elsewhere)


def _open(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "headrace", **headers})
    response: HTTPResponse = _OPENER.open(request, timeout=TIMEOUT_S)
    return response


def _headers(response: HTTPResponse) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _cut(url: str, error: Exception) -> RemoteFault:
    why = str(getattr(error, "reason", "") or error) or type(error).__name__
    return RemoteFault(f"{urlsplit(url).netloc} does not answer, or was cut off ({why}); see to the network")


def _shown(url: str) -> str:
    """Without what may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
