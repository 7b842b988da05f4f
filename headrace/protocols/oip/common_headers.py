"""The header lines that answers below ASGI share with those above it: uvicorn's own, with the date."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState


class CommonHeaders:
    """Puts them together once for each list that uvicorn makes, which is one a second."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._of: list[tuple[bytes, bytes]] = []
        self._lines = b""

    def lines(self) -> bytes:
        """As they are now, each with its line end."""
        headers = self._state.default_headers
        if headers is not self._of:
            self._of = headers
            self._lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._lines

    def success(self) -> bytes:
        """The beginning of an answer of status 200, with these lines."""
        return STATUS_LINE[200] + self.lines()
