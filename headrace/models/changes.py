"""What changed of a model since its versions were loaded. Pure."""

from collections.abc import Collection, Mapping

import msgspec

from headrace.repository.file_facts import Facts
from headrace.types import Manifest, VersionState


class Source(msgspec.Struct, frozen=True):
    """What a version is made from: what is said of it, and its files."""

    manifest: Manifest
    facts: Facts


def standing(
    ready: Collection[int], tried: Mapping[int, Source], found: Mapping[int, Source]
) -> dict[int, VersionState]:
    """Where the moves begin from: a version is left out where it is new, or to be made anew, from what is found.

    `tried` is what each version was last made from, whether it loaded or not; one that failed is not tried again
    from the same.
    """
    same = {version for version, source in found.items() if tried.get(version) == source}
    states: dict[int, VersionState] = {version: "UNAVAILABLE" for version in same if version not in ready}
    return states | {version: "READY" for version in ready if version in same or version not in found}


def gone(ready: Collection[int], there: Collection[int | None]) -> list[int]:
    """The served versions that the repository no longer has in any form."""
    return sorted(set(ready).difference(there))
