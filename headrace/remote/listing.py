"""What a repository elsewhere holds: files by path, those that could leave the mirror's folder refused. Pure."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from headrace.remote.faults import RemoteFault

MAX_NAME_BYTES = 255  # of one part of a path, as file systems have it
MAX_PATH_BYTES = 1024
MAX_FILES = 100_000


class RemoteFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file as its repository tells of it; `etag` and `sha256` are empty where it does not."""

    path: str
    size: int
    etag: str = ""
    sha256: str = ""

    @property
    def key(self) -> str:
        """Another where the content may be another; fit for a file's name."""
        told = "\0".join((self.path, str(self.size), self.etag, self.sha256))
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def same(self, other: "RemoteFile | None") -> bool:
        """Whether both are known to have the same content."""
        if other is None or self.size != other.size:
            return False
        if self.sha256 and other.sha256:
            return self.sha256 == other.sha256
        return self.etag == other.etag != ""


Listing = Mapping[str, RemoteFile]
"""Files by their paths, which have / between their parts."""


def listing_of(files: Iterable[RemoteFile]) -> Listing:
    """What can be kept in a folder; what is hidden, and objects that stand for a folder, are passed over.

    Raises RemoteFault where a path is none that a folder may have.
    """
    found: dict[str, RemoteFile] = {}
    for file in files:
        check_path(file.path)
        if file.path in found:
            raise RemoteFault(f"{file.path} is there twice; leave one")
        if not any(part.startswith(".") for part in file.path.split("/")):
            found[file.path] = file
    if len(found) > MAX_FILES:
        raise RemoteFault(
            f"there are {len(found)} files, more than {MAX_FILES}; give the address of a folder of models"
        )
    folders = {"/".join(parts[:end]) for path in found if (parts := path.split("/")) for end in range(1, len(parts))}
    for path in folders & found.keys():
        if found[path].size:
            raise RemoteFault(f"{path} is a file, and others lie below it; a folder cannot hold both")
        del found[path]  # what consoles make where somebody asks for a folder
    return found


def check_path(path: str) -> None:
    """Raises RemoteFault where it could lead out of a folder, or no file system has it."""
    parts = path.split("/")
    if not all(parts) or {".", ".."} & set(parts) or not path.isprintable():
        raise RemoteFault(f"{path!r} is no path below a folder; rename it, or leave it out")
    encoded = [len(part.encode(errors="surrogatepass")) for part in parts]
    if max(encoded) > MAX_NAME_BYTES or sum(encoded) + len(parts) > MAX_PATH_BYTES:
        raise RemoteFault(f"the path {path[:40]!r}... is too long for a file system; rename it")
