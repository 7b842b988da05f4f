"""Which of the versions that are there a model is served by; plain data in, plain data out."""

from collections.abc import Collection

import msgspec


class All(msgspec.Struct, frozen=True, tag="all"):
    """Every version that is there."""


class Latest(msgspec.Struct, frozen=True, tag="latest"):
    """The highest `count` versions."""

    count: int = 1


class Specific(msgspec.Struct, frozen=True, tag="specific"):
    """These versions and no others."""

    versions: tuple[int, ...]


VersionPolicy = All | Latest | Specific


def wanted(policy: VersionPolicy, available: Collection[int]) -> list[int]:
    """The versions to serve out of those available, ascending."""
    match policy:
        case All():
            return sorted(available)
        case Latest(count):
            return sorted(available)[-count:]
        case Specific(versions):
            return sorted(set(versions) & set(available))
