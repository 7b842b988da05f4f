"""Memory that a client shares with the server: regions registered by name, read and written by tensors.

Regions are read and written as files, never mapped: a client that cuts its file short gets an error, while a mapping
would bring the server down.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from headrace.errors import Forbidden, InvalidRequest, MemoryFull, NotFound
from headrace.types import Buffer

MAX_REGIONS = 1024
MAX_FILES = 256
"""That these may lie in, where nothing else is said: each is open, and a process has only so many."""

NO_CUDA = "CUDA shared memory is not offered: this server computes on the CPU; use system shared memory"
"""Why none is registered. None to tell of or to forget is no error: clients of system memory ask that of both."""
_NAME_CHARACTERS = 1024  # at most, of as many regions
_KEY = re.compile(r"^/?[^/\0]{1,254}$")


class Region(NamedTuple):
    """A part of a file under /dev/shm, in bytes, as a client registered it."""

    name: str
    key: str
    offset: int
    byte_size: int


class _File(NamedTuple):
    """What a file is known by, whichever names lead to it."""

    device: int
    inode: int


class _Open(NamedTuple):
    region: Region
    file: _File
    descriptor: int


class Regions:
    """The regions registered now; a file of theirs is open, once, until the last of them is unregistered.

    Everything raises Forbidden where the setting `protocols.oip.shared_memory` is off.
    """

    def __init__(
        self,
        allowed: bool,
        folder: Path = Path("/dev/shm"),
        max_read_bytes: int = 1 << 30,
        max_files: int = MAX_FILES,
    ) -> None:
        self.allowed = allowed
        self._folder = folder
        self._max_files = max_files
        self.max_read_bytes = max_read_bytes  # at once, and by one request
        self._open: dict[str, _Open] = {}
        self._descriptors: dict[_File, int] = {}
        self._num_regions: Counter[_File] = Counter()  # that lie in it
        self.longest_bytes = 0  # of any that is registered
        self._closing = Lock()  # requests are read, and answers written, on threads, too

    def register(self, name: str, key: str, offset: int, byte_size: int) -> None:
        """Have a region. Raises InvalidRequest where the name is taken or long, there are MAX_REGIONS or as many files
        as may be, or the file is not there, not one of the server's own user, or smaller than `offset + byte_size`."""
        self._require_allowed()
        if not name:
            raise InvalidRequest("a region needs a name", "name")
        if len(name) > _NAME_CHARACTERS:
            raise InvalidRequest(f"{len(name)} characters are too many; the most is {_NAME_CHARACTERS}", "name")
        if name in self._open:
            raise InvalidRequest(f"shared memory region {name!r} is registered already; unregister it first", "name")
        if len(self._open) >= MAX_REGIONS:
            raise InvalidRequest(f"{MAX_REGIONS} regions are registered, the limit; unregister some", "name")
        if offset < 0:
            raise InvalidRequest(f"{offset} is negative", "offset")
        if byte_size <= 0:
            raise InvalidRequest(f"{byte_size} is not a size of 1 or more", "byte_size")
        region = Region(name, key, offset, byte_size)
        self._open[name] = self._shared(region, self._open_file(region))
        self._measure()

    def unregister(self, name: str | None = None) -> None:
        """Forget a region, or all of them; one that is not there is no error, as in Triton."""
        self._require_allowed()
        self._close([name] if name else list(self._open))

    def status(self, name: str | None = None) -> list[Region]:
        """All regions, or the one named. Raises NotFound."""
        self._require_allowed()
        if not name:
            return [entry.region for entry in self._open.values()]
        return [self._find(name, "").region]

    def read(self, name: str, offset: int, byte_size: int, where: str) -> bytes:
        """Bytes of a region, counted from its start. Raises NotFound, or InvalidRequest beyond its end."""
        with self._held(name, offset, byte_size, where) as entry:
            if byte_size > self.max_read_bytes:
                most = f"{self.max_read_bytes}, the most of a tensor"
                raise InvalidRequest(f"{byte_size} bytes are more than {most}", where)
            content = os.pread(entry.descriptor, byte_size, entry.region.offset + offset)
        if len(content) < byte_size:
            raise InvalidRequest(f"the file of shared memory region {name!r} has become too short", where)
        return content

    def check(self, name: str, offset: int, byte_size: int, where: str) -> None:
        """Refuse, before a model runs, what `write` could not do. Raises as `read`."""
        self._part(name, offset, byte_size, where)

    def write(self, name: str, offset: int, byte_size: int, data: Buffer, where: str) -> None:
        """Put an output in a region, at `offset` from its start, in the `byte_size` bytes kept for it.

        Raises as `read`, InvalidRequest where the output is larger, and MemoryFull where the file has holes and the
        memory for them is gone.
        """
        if len(data) > byte_size:
            raise InvalidRequest(f"the output is {len(data)} bytes, shared_memory_byte_size only {byte_size}", where)
        with self._held(name, offset, byte_size, where) as entry:
            start = entry.region.offset + offset
            if os.fstat(entry.descriptor).st_size < start + len(data):  # writing beyond the end would make it longer
                raise InvalidRequest(f"the file of shared memory region {name!r} has become too short", where)
            view, done = memoryview(data), 0
            try:
                while done < len(view):
                    done += os.pwrite(entry.descriptor, view[done:], start + done)
            except OSError as error:
                raise MemoryFull(f"shared memory region {name!r} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Give every file back; also where the setting is off."""
        self._close(list(self._open))

    def _require_allowed(self) -> None:
        if not self.allowed:
            raise Forbidden("shared memory is off; the setting protocols.oip.shared_memory = true allows it")

    def _find(self, name: str, where: str) -> _Open:
        entry = self._open.get(name)
        if entry is None:
            raise NotFound(f"Unable to find system shared memory region: '{name}'", where)
        return entry

    @contextmanager
    def _held(self, name: str, offset: int, byte_size: int, where: str) -> Iterator[_Open]:
        """A part of a region, whose file stays open meanwhile whoever unregisters it."""
        with self._closing:
            region, file, descriptor = self._part(name, offset, byte_size, where)
            descriptor = os.dup(descriptor)
        try:
            yield _Open(region, file, descriptor)
        finally:
            os.close(descriptor)

    def _part(self, name: str, offset: int, byte_size: int, where: str) -> _Open:
        self._require_allowed()
        entry = self._find(name, where)
        if offset < 0 or byte_size < 0:
            raise InvalidRequest(f"offset {offset} and size {byte_size} must not be negative", where)
        if offset + byte_size > entry.region.byte_size:
            reach = f"offset {offset} and size {byte_size} reach beyond the {entry.region.byte_size} bytes"
            raise InvalidRequest(f"{reach} of shared memory region {name!r}", where)
        return entry

    def _shared(self, region: Region, descriptor: int) -> _Open:
        """The region with the descriptor that its file has already, or else with this one. Raises InvalidRequest."""
        found = os.fstat(descriptor)
        file = _File(found.st_dev, found.st_ino)
        if file in self._descriptors:
            os.close(descriptor)
        elif len(self._descriptors) >= self._max_files:
            os.close(descriptor)
            raise InvalidRequest(
                f"regions of {self._max_files} files are registered, the limit; unregister some", "key"
            )
        else:
            self._descriptors[file] = descriptor
        self._num_regions[file] += 1
        return _Open(region, file, self._descriptors[file])

    def _open_file(self, region: Region) -> int:
        if not _KEY.match(region.key) or region.key.strip("/") in (".", "..", ""):
            raise InvalidRequest(f"{region.key!r} is not a key like '/name'", "key")
        path = self._folder / region.key.removeprefix("/")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InvalidRequest(f"Unable to open shared memory {region.key!r}: {reason}", "key") from error
        try:
            self._check_file(descriptor, region)
        except InvalidRequest:
            os.close(descriptor)
            raise
        return descriptor

    @staticmethod
    def _check_file(descriptor: int, region: Region) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidRequest(f"shared memory {region.key!r} is not a regular file", "key")
        if found.st_uid != os.geteuid():
            raise InvalidRequest(f"shared memory {region.key!r} belongs to another user than the server's", "key")
        if region.offset + region.byte_size > found.st_size:
            wanted = f"offset {region.offset} and size {region.byte_size}"
            raise InvalidRequest(f"{wanted} reach beyond the {found.st_size} bytes of {region.key!r}", "byte_size")

    def _close(self, names: list[str]) -> None:
        for name in names:
            with self._closing:
                entry = self._open.pop(name, None)
                if entry is not None:
                    self._leave(entry.file)
        self._measure()

    def _leave(self, file: _File) -> None:
        """One region less lies in it."""
        self._num_regions[file] -= 1
        if not self._num_regions[file]:
            del self._num_regions[file]
            os.close(self._descriptors.pop(file))

    def _measure(self) -> None:
        self.longest_bytes = max((entry.region.byte_size for entry in self._open.values()), default=0)
