"""A server that answers as a test says, for the command line's own client."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

Answer = tuple[int, dict[str, str], bytes]
Answers = Callable[[str, dict[str, str], bytes], Answer]
"""Path, headers in lower case and body of a request -> status, headers and body of the answer."""

Serve = Callable[[Answers], str]


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, sent, body = answers(self.path, headers, self.rfile.read(length))
            self.send_response(status)
            for name, value in {**sent, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Tests need no log."""

    return Handler


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers on free ports, and gives their addresses."""
    running: list[tuple[ThreadingHTTPServer, Thread]] = []

    def start(answers: Answers) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
