"""The next move towards serving what is wanted; plain data in, plain data out."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from headrace.types import VersionState


class Load(msgspec.Struct, frozen=True):
    """Take this version into service."""

    version: int


class Unload(msgspec.Struct, frozen=True):
    """Take this version out of service."""

    version: int


Move = Load | Unload


def next_move(
    states: Mapping[int, VersionState], wanted: Collection[int], held: Collection[int] = (), first: Sequence[int] = ()
) -> Move | None:
    """The next step towards serving exactly the wanted versions, or None: nothing to do, or a move under way.

    A version that is not in `states` was not tried yet; one that is UNAVAILABLE was tried and failed, and is
    not tried again until the caller leaves it out. New versions are loaded, those `first` and then the newest, before
    old ones are unloaded, and the old ones stay for as long as none of the wanted is READY: a model that answers goes
    on answering. Those that are held by something else than the policy are served too, and answer for none of the
    wanted, but where the policy wants none.
    """
    if any(state in ("LOADING", "UNLOADING") for state in states.values()):
        return None
    untried = [version for version in (*wanted, *held) if version not in states]
    if untried:
        return Load(next((version for version in first if version in untried), max(untried)))
    ready = {version for version, state in states.items() if state == "READY"}
    unwanted = ready.difference(wanted, held)
    if unwanted and (ready.intersection(wanted or held) or not (wanted or held)):
        return Unload(min(unwanted))
    return None
