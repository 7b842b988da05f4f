"""A model of the hub out of a folder on this machine: laid out as the hub's own cache, or as ORGANISATION/MODEL."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

from headrace.remote.address import Address
from headrace.remote.faults import Changed, RemoteFault
from headrace.remote.hub import PASSED_OVER
from headrace.remote.listing import RemoteFile

CHUNK_BYTES = 4 << 20


class HubFolder:
    """One model at one revision. Nothing is asked of the network."""

    def __init__(self, address: Address, folder: Path) -> None:
        self._address = address
        self._folder = folder

    async def files(self) -> list[RemoteFile]:
        """Raises RemoteFault where the folder does not have it."""
        try:
            return await asyncio.to_thread(self._listed)
        except OSError as error:
            raise RemoteFault(f"{self._address.url}: {self._folder} cannot be read: {error}") from error

    async def read(self, file: RemoteFile, start: int) -> AsyncIterator[bytes]:
        try:
            with (self._root() / file.path).open("rb") as content:
                if os.fstat(content.fileno()).st_size != file.size:
                    raise Changed(f"{file.path} was replaced")
                content.seek(start)
                while chunk := await asyncio.to_thread(content.read, CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as error:
            raise Changed(f"{file.path} was taken away while it was read") from error
        except OSError as error:
            raise RemoteFault(f"{file.path} cannot be read: {error}") from error

    def _listed(self) -> list[RemoteFile]:
        root, files = self._root(), []
        for folder, below, names in os.walk(root, followlinks=False):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in names:
                path = Path(folder) / name
                if not PASSED_OVER.fullmatch(name) and not name.startswith(".") and path.is_file():
                    files.append(_file(path, path.relative_to(root).as_posix()))
        return files

    def _root(self) -> Path:
        """Where the files lie. Raises RemoteFault with where it was looked for."""
        address = self._address
        plain = self._folder / address.path
        cache = self._folder / f"models--{address.path.replace('/', '--')}"
        if cache.is_dir():
            snapshot = cache / "snapshots" / _commit(cache, address.reference)
            if snapshot.is_dir():
                return snapshot
            raise RemoteFault(
                f"{address.url}: {cache} has no revision {address.reference}; have it there, or name another"
            )
        if not plain.is_dir():
            raise RemoteFault(f"{address.url}: neither {plain} nor {cache} is there (remote.hf_mirror); have it there")
        if address.reference != "main":
            right = f"leave out @{address.reference}, or lay the mirror out as the hub's cache"
            raise RemoteFault(f"{address.url}: {plain} has no revisions; {right}")
        return plain


def _commit(cache: Path, reference: str) -> str:
    """What a branch or tag leads to; anything else is a commit already."""
    try:
        return (cache / "refs" / reference).read_text().strip()
    except OSError:
        return reference


def _file(path: Path, name: str) -> RemoteFile:
    """With what it can be held to: in the hub's cache a file is a link to a blob that is called as its digest."""
    blob, stat = path.resolve().name, path.stat()
    if re.fullmatch("[0-9a-f]{64}", blob):
        return RemoteFile(name, stat.st_size, sha256=blob)
    if re.fullmatch("[0-9a-f]{40}", blob):
        return RemoteFile(name, stat.st_size, f"git:{blob}")
    return RemoteFile(name, stat.st_size, f"{stat.st_mtime_ns:x}-{stat.st_size:x}")
