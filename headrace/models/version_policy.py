"""Which versions of a model to serve, and the next move towards it; plain data in, plain data out."""

from collections.abc import Collection, Mapping

import msgspec

from headrace.types import VersionState


class All(msgspec.Struct, frozen=True, tag="all"):
    """Every version that is there."""


class Latest(msgspec.Struct, frozen=True, tag="latest"):
    """The highest `count` versions."""

    count: int = 1


class Specific(msgspec.Struct, frozen=True, tag="specific"):
    """These versions and no others."""

    versions: tuple[int, ...]


VersionPolicy = All | Latest | Specific


class Load(msgspec.Struct, frozen=True):
    """Take this version into service."""

    version: int


class Unload(msgspec.Struct, frozen=True):
    """Take this version out of service."""

    version: int


Move = Load | Unload


def wanted(policy: VersionPolicy, available: Collection[int]) -> list[int]:
    """The versions to serve out of those available, ascending."""
    match policy:
        case All():
            return sorted(available)
        case Latest(count):
            return sorted(available)[-count:]
        case Specific(versions):
            return sorted(set(versions) & set(available))


def next_move(states: Mapping[int, VersionState], wanted: Collection[int], held: Collection[int] = ()) -> Move | None:
    """The next step towards serving exactly the wanted versions, or None: nothing to do, or a move under way.

    A version that is not in `states` was not tried yet; one that is UNAVAILABLE was tried and failed, and is
    not tried again until the caller leaves it out. New versions are loaded, newest first, before old ones are
    unloaded, and the old ones stay for as long as none of the wanted is READY: a model that answers goes on answering.
    Those that are held by something else than the policy are served too, and answer for none of the wanted, but where
    the policy wants none.
    """
    if any(state in ("LOADING", "UNLOADING") for state in states.values()):
        return None
    untried = [version for version in (*wanted, *held) if version not in states]
    if untried:
        return Load(max(untried))
    ready = {version for version, state in states.items() if state == "READY"}
    unwanted = ready.difference(wanted, held)
    if unwanted and (ready.intersection(wanted or held) or not (wanted or held)):
        return Unload(min(unwanted))
    return None
