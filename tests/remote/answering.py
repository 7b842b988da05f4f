"""A web server whose answers a test writes: a function from what is asked to a status, headers and content."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple


class Asked(NamedTuple):
    """One request."""

    path: str  # with its query
    headers: dict[str, str]  # in small letters


class Told(NamedTuple):
    """One answer."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


Answer = Callable[[Asked], Told]


class Web:
    """Where it listens, and what it was asked."""

    def __init__(self, port: int, asked: list[Asked]) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self.asked = asked


@contextmanager
def answering(answer: Answer) -> Iterator[Web]:
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            question = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            asked.append(question)
            told = answer(question)
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.content)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.content)

        def log_message(self, *facts: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Web(server.server_port, asked)
        finally:
            server.shutdown()
            thread.join()


def ranged(content: bytes, asked: Asked) -> Told:
    """The content from the byte on that is asked for."""
    wanted = asked.headers.get("range", "")
    if not wanted:
        return Told(200, content)
    start = int(wanted.removeprefix("bytes=").partition("-")[0])
    return Told(206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})
