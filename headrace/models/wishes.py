"""What was asked for of a model's versions beyond its version policy, and which versions that makes wanted. Pure."""

import re
from collections.abc import Collection, Mapping

import msgspec

from headrace.models.version_policy import VersionPolicy, wanted

STABLE = "stable"
"""The label that stands for the model where a request names no version."""

_LABEL = re.compile(r"(?!v[0-9]+$)[a-z][a-z0-9._-]{0,62}")
WHAT_IS_A_LABEL = "a small letter, then small letters, digits, '.', '_' and '-', 63 at most, and no version such as v3"


class Wishes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What requests said of one model, and what its files say of labels."""

    unloaded: bool = False  # files alone do not load it
    asked: bool = False  # loaded by a request, where only requests load models
    held_back: frozenset[int] = frozenset()  # rolled back from: neither wanted by a policy, nor asked without a version
    kept: int | None = None  # rolled back to: wanted where the policy has no other
    labels: Mapping[str, int] = {}  # set by requests
    filed: Mapping[str, int] = {}  # set by model.toml; requests win
    routed: Mapping[str, int] = {}  # where each label leads now: to its version, once that is ready

    @property
    def meant(self) -> Mapping[str, int]:
        """Where each label is to lead."""
        return {**self.filed, **self.labels}


def is_label(text: str) -> bool:
    """Whether it may stand where a version may."""
    return _LABEL.fullmatch(text) is not None


def wanted_versions(policy: VersionPolicy, available: Collection[int], wishes: Wishes) -> list[int]:
    """The versions that the policy has served out of those available, ascending."""
    if wishes.unloaded:
        return []
    chosen = set(wanted(policy, set(available) - wishes.held_back))
    if not chosen and wishes.kept is not None and wishes.kept in available:
        chosen = {wishes.kept}
    return sorted(chosen)


def held_versions(available: Collection[int], ready: Collection[int], wishes: Wishes) -> set[int]:
    """The versions that labels keep served, whatever the policy: those they lead to, and those they are to lead to."""
    if wishes.unloaded:
        return set()
    leads = {number for label, number in wishes.routed.items() if label in wishes.meant}
    return leads.intersection(ready) | set(wishes.meant.values()).intersection({*available, *ready})


def routed(wishes: Wishes, ready: Collection[int]) -> Wishes:
    """Each label leads to its version once that is ready, and until then stays where it is, if that is ready."""
    leads = {label: number if number in ready else wishes.routed.get(label) for label, number in wishes.meant.items()}
    return msgspec.structs.replace(
        wishes, routed={label: number for label, number in leads.items() if number is not None and number in ready}
    )


def default_version(ready: Collection[int], wishes: Wishes) -> int | None:
    """The version that answers where a request names none: the stable one, else the highest not rolled back from."""
    stable = wishes.routed.get(STABLE)
    if stable is not None and stable in ready:
        return stable
    return max(set(ready) - wishes.held_back or ready, default=None)


def rolled_back(wishes: Wishes, target: int, versions: Collection[int]) -> Wishes:
    """What is wished once the target is gone back to: of these versions the higher ones stay away."""
    above = frozenset(version for version in versions if version > target)
    labels = {**wishes.labels, STABLE: target} if STABLE in wishes.meant else wishes.labels
    return msgspec.structs.replace(wishes, held_back=wishes.held_back | above, kept=target, labels=labels)


def loaded(wishes: Wishes, asked: bool = False) -> Wishes:
    """What is wished once somebody asks for the model again: what its files and its labels say."""
    return msgspec.structs.replace(wishes, unloaded=False, asked=asked, held_back=frozenset(), kept=None)


def unloaded(wishes: Wishes) -> Wishes:
    """What is wished once somebody took the model out of service; its labels are kept for the next load."""
    return msgspec.structs.replace(wishes, unloaded=True, asked=False, routed={})


def labelled(wishes: Wishes, label: str, version: int | None) -> Wishes:
    """What is wished once a request sets a label, or with None takes back what requests said of it."""
    others = {name: number for name, number in wishes.labels.items() if name != label}
    return msgspec.structs.replace(wishes, labels=others if version is None else {**others, label: version})


def kept_wishes(wishes: Wishes) -> Wishes:
    """What the next start is to know: neither what files say, nor what is ready."""
    return msgspec.structs.replace(wishes, filed={}, routed={})
