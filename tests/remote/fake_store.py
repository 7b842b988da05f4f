"""A repository elsewhere that is a dictionary, and goes wrong where a test says so."""

import hashlib
from collections.abc import AsyncIterator, Callable

from headrace.remote.faults import Changed, NoRange, RemoteFault
from headrace.remote.listing import RemoteFile


class FakeStore:
    """`contents` by path. `read_bytes` counts what was sent; `after` is called with it after each chunk."""

    def __init__(self, contents: dict[str, bytes], *, chunk: int = 4) -> None:
        self.contents = contents
        self.chunk = chunk
        self.cut_at: int | None = None  # of a file's bytes, once: then the connection ends
        self.ranges = True
        self.gone = ""  # why nothing can be had
        self.etag: Callable[[bytes], str] = lambda content: f'"{hashlib.md5(content).hexdigest()}"'
        self.spoilt = b""  # sent in place of a file's content
        self.sent: list[tuple[str, int]] = []
        self.listed = 0
        self.after: Callable[[], None] = lambda: None

    async def files(self) -> list[RemoteFile]:
        self.listed += 1
        if self.gone:
            raise RemoteFault(self.gone)
        return [RemoteFile(path, len(content), self.etag(content)) for path, content in self.contents.items()]

    async def read(self, file: RemoteFile, start: int) -> AsyncIterator[bytes]:
        content = self.contents.get(file.path)
        if content is None or self.etag(content) != file.etag:
            raise Changed(f"{file.path} was replaced")
        if start and not self.ranges:
            raise NoRange(f"{file.path} has no ranges")
        self.sent.append((file.path, start))
        content = self.spoilt or content
        for place in range(start, len(content), self.chunk):
            if self.cut_at is not None and place >= self.cut_at:
                self.cut_at = None
                raise RemoteFault("cut off")
            yield content[place : place + self.chunk]
            self.after()
