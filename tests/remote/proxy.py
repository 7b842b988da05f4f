"""A network that is slow, or is cut: bytes pass between clients and a server until it is told otherwise."""

import socket
import threading
import time
from types import TracebackType
from typing import Self

CHUNK = 16 * 1024


class Proxy:
    """Listens on a port of its own. `left`: bytes that answers may still have, all together; None: any number.

    `bytes_s` is how many of them come a second. `sent` counts them.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self.left: int | None = None
        self.bytes_s: float | None = None
        self.sent = 0
        self._server = server
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, and each that comes until `left` says that something may pass."""
        self.left = 0
        with self._lock:
            for each in self._open:
                _end(each)

    def mend(self) -> None:
        self.left = None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            with self._lock:
                self._open |= {client, server}
            if self.left != 0:
                back = threading.Thread(target=self._pass, args=(server, client, True), daemon=True)
                back.start()
                self._pass(client, server, False)
                back.join()
            with self._lock:
                self._open -= {client, server}

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while chunk := source.recv(CHUNK):
                target.sendall(self._allowed(chunk) if is_answer else chunk)
                if is_answer and self.left == 0:
                    break
        except OSError:
            pass
        _end(source)
        _end(target)

    def _allowed(self, chunk: bytes) -> bytes:
        """What of an answer may pass."""
        if self.bytes_s:
            time.sleep(len(chunk) / self.bytes_s)
        with self._lock:
            chunk = chunk if self.left is None else chunk[: self.left]
            self.left = None if self.left is None else self.left - len(chunk)
            self.sent += len(chunk)
        return chunk


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
