"""`SHA256SUMS`, as sha256sum writes it: what the files beside and below it have to be. Pure."""

import re
from collections.abc import Mapping

import msgspec

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import Listing

NAME = "SHA256SUMS"
MAX_BYTES = 4 << 20
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def is_sums(path: str) -> bool:
    return path.rpartition("/")[2] == NAME


def parse_sums(path: str, content: bytes) -> dict[str, str]:
    """The digest of each file, by its path in the repository. Raises RemoteFault, which names the line."""
    folder = path.removesuffix(NAME)
    sums: dict[str, str] = {}
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise RemoteFault(f"{path}, line {number} is not as sha256sum writes it: DIGEST, two spaces, NAME")
        sums[folder + found[2].removeprefix("./")] = found[1].lower()
    return sums


def with_sums(listing: Listing, sums: Mapping[str, str]) -> tuple[Listing, tuple[str, ...]]:
    """The files with what is known of them, without the sums themselves; and those that are named and not there."""
    files = {
        path: msgspec.structs.replace(file, sha256=sums[path]) if path in sums else file
        for path, file in listing.items()
        if not is_sums(path)
    }
    return files, tuple(sorted(sums.keys() - listing.keys()))
