"""One HTTP exchange with a server, for the verbs that ask one; what goes wrong is one line with the next step."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from headrace.cli.failure import Failure

URL = "http://127.0.0.1:8000"
"""Where a server is that was started without flags."""


class Server:
    """The server at `url`; every exchange has a connection of its own. Raises Failure where `url` is no address."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`timeout_s` is for each wait: to connect, and for the next bytes."""
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failure(f"--url {url} is not an address; write it like {URL}", exit_code=2)
        if not timeout_s > 0:
            raise Failure(f"--timeout {timeout_s:g} is not a time; give seconds above 0", exit_code=2)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._address = parts.hostname, _port(parts.netloc, url)
        self._path = parts.path.rstrip("/")
        self._timeout_s = timeout_s

    @contextmanager
    def exchange(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[HTTPResponse]:
        """Ask, and have the answer to be read in the `with`, which must do nothing else that can fail for the network.

        Leaving it closes the connection, which tells the server that nobody waits. Raises Failure.
        """
        connection = self._connect(*self._address, timeout=self._timeout_s)
        try:
            connection.request(method, self._path + path, body, dict(headers or {}))
            yield connection.getresponse()
        except TimeoutError as error:
            raise Failure(
                f"{self.url} did not answer in {self._timeout_s:g} s; give it longer with --timeout"
            ) from error
        except OSError as error:
            start = "start it with `headrace serve REPO`, or say where it is with --url"
            raise Failure(f"no server answers at {self.url} ({error.strerror or error}); {start}") from error
        except HTTPException as error:
            raise Failure(f"what answers at {self.url} does not speak HTTP: {type(error).__name__} {error}") from error
        finally:
            connection.close()

    def fetch(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, HTTPMessage]:
        """An answer's body and headers. Raises Failure, also where the answer is not 200: with what the server says."""
        with self.exchange(method, path, body, headers) as response:
            content = response.read()
        if response.status != 200:
            raise Failure(f"the server answered {response.status}: {_reason(content)}")
        return content, response.headers


def _reason(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace").strip() or "no reason given"


def _port(netloc: str, url: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError as error:
        raise Failure(f"--url {url}: {error}", exit_code=2) from error
