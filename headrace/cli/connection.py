"""One HTTP exchange with a server, for the verbs that ask one; what goes wrong is one line with the next step."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from headrace.cli.failure import Failure
from headrace.cli.trust import Trust
from headrace.numerals import numeral

URL = "http://127.0.0.1:8000"
"""Where a server is that was started without flags."""

LONGEST_S = 1e6
"""That can be waited for at a time; the system counts in milliseconds, of 31 bits."""

MOST_NAMES = 20
"""Of models, where they are told in one line."""


class Server:
    """The server at `url`; every exchange has a connection of its own. Raises Failure where `url` is no address."""

    def __init__(self, url: str, timeout_s: float, trust: Trust = Trust()) -> None:  # noqa: B008 a value
        """`timeout_s` is for each wait: to connect, and for the next bytes."""
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failure(f"--url {url} is not an address; write it like {URL}", exit_code=2)
        check_seconds("--timeout", timeout_s)
        self.url = f"{parts.scheme}://{parts.netloc}"
        secure = parts.scheme == "https"
        trust.check(url, secure)
        self._tls = trust.context() if secure else None
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
        connection = self._connection()
        try:
            connection.request(method, self._path + path, body, dict(headers or {}))
            yield connection.getresponse()
        except TimeoutError as error:
            raise Failure(
                f"{self.url} did not answer in {self._timeout_s:g} s; give it longer with --timeout"
            ) from error
        except ssl.SSLError as error:
            raise Failure(f"TLS with {self.url} fails: {_tls_fault(error)}") from error
        except OSError as error:
            if self._tls is not None and isinstance(error, ConnectionResetError | BrokenPipeError):
                why = "where it lets in only those who show a certificate, give one with --cert FILE"
                raise Failure(f"{self.url} ended the connection before it answered; {why}") from error
            if isinstance(error, ConnectionResetError):  # RemoteDisconnected is one
                why = f"if it speaks TLS, say so: --url {self.url.replace('http:', 'https:', 1)}"
                raise Failure(f"{self.url} ended the connection before it answered; {why}") from error
            start = "start it with `headrace serve REPO`, or say where it is with --url"
            raise Failure(f"no server answers at {self.url} ({error.strerror or error}); {start}") from error
        except HTTPException as error:
            raise Failure(f"what answers at {self.url} does not speak HTTP: {_beginning(error)}") from error
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        host, port = self._address
        if self._tls is None:
            return HTTPConnection(host, port, timeout=self._timeout_s)
        return HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)

    def fetch(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, HTTPMessage]:
        """An answer's body and headers. Raises Failure, also where the answer is not 200: with what the server says."""
        with self.exchange(method, path, body, headers) as response:
            content = response.read()
        if response.status != 200:
            raise Failure(f"the server answered {response.status}: {_reason(content)}{self._models(content)}")
        return content, response.headers

    def _models(self, refusal: bytes) -> str:
        """The models that there are, behind a refusal of one that is not."""
        if _said(refusal, "code") != "model_not_found":
            return ""
        with self.exchange("POST", "/v2/repository/index") as response:
            listed = response.read()
        try:
            names = sorted({each["name"] for each in json.loads(listed)})
        except (ValueError, KeyError, TypeError):
            return ""
        more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return f"; there are {', '.join(names[:MOST_NAMES])}{more}" if names else "; there are none"


def check_seconds(flag: str, seconds: float) -> None:
    """Raises Failure where they cannot be waited for."""
    if not 0 < seconds <= LONGEST_S:
        right = f"give seconds above 0, up to {LONGEST_S:,.0f}"
        raise Failure(f"{flag} {numeral(seconds)} is not a time; {right}", exit_code=2)


def _beginning(error: HTTPException) -> str:
    """What came in place of an answer."""
    if not isinstance(error, BadStatusLine):
        return f"{type(error).__name__} {error}"
    line = str(error)
    if line[:1] == "\0" and line[3:5] == "\4\0":  # a frame of settings
        return "it speaks HTTP/2, as gRPC does; give the address of its HTTP port"
    return f"it begins with {line[:16]!r}"


def _tls_fault(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}; say with --ca FILE whose certificates to trust"
    said = str(error.reason or error).lower().replace("_", " ")
    if "CERTIFICATE_REQUIRED" in (error.reason or ""):
        return f"{said}; show one with --cert FILE"
    return f"{said}; is https right there?" if error.reason == "WRONG_VERSION_NUMBER" else said


def _reason(content: bytes) -> str:
    return _said(content, "error") or content[:200].decode(errors="replace").strip() or "no reason given"


def _said(content: bytes, field: str) -> str:
    """A field of a refusal's body; empty where there is none."""
    try:
        return str(json.loads(content)[field])
    except (ValueError, KeyError, TypeError):
        return ""


def _port(netloc: str, url: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError as error:
        raise Failure(f"--url {url}: {error}", exit_code=2) from error
