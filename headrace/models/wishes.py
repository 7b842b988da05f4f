"""What was asked for of a model's versions beyond what its files say, and which versions that makes wanted. Pure."""

from collections.abc import Collection

import msgspec

from headrace.models.version_policy import VersionPolicy, wanted


class Wishes(msgspec.Struct, frozen=True):
    """What requests said of one model."""

    unloaded: bool = False  # files alone do not load it
    held_back: frozenset[int] = frozenset()  # rolled back from: neither wanted by a policy, nor asked without a version
    kept: int | None = None  # rolled back to: wanted where the policy has no other


def wanted_versions(policy: VersionPolicy, available: Collection[int], wishes: Wishes) -> list[int]:
    """The versions to serve out of those available, ascending."""
    if wishes.unloaded:
        return []
    chosen = set(wanted(policy, set(available) - wishes.held_back))
    if not chosen and wishes.kept is not None and wishes.kept in available:
        chosen = {wishes.kept}
    return sorted(chosen)


def default_version(ready: Collection[int], wishes: Wishes) -> int | None:
    """The version that answers where a request names none: the highest, unless it was rolled back from."""
    return max(set(ready) - wishes.held_back or ready, default=None)


def rolled_back(wishes: Wishes, target: int, versions: Collection[int]) -> Wishes:
    """What is wished once the target is gone back to: of these versions the higher ones stay away."""
    above = frozenset(version for version in versions if version > target)
    return msgspec.structs.replace(wishes, held_back=wishes.held_back | above, kept=target)


def loaded(wishes: Wishes) -> Wishes:
    """What is wished once somebody asks for the model again: what its files say."""
    return msgspec.structs.replace(wishes, unloaded=False, held_back=frozenset(), kept=None)
