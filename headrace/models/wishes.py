"""What was asked for of a model's versions beyond its version policy, and which versions that makes wanted. Pure."""

from collections.abc import Collection, Mapping

import msgspec

from headrace.repository.labels import STABLE
from headrace.repository.version_policy import VersionPolicy, wanted
from headrace.traffic.plans import Plans


class Wishes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What requests said of one model, and what its files say of labels."""

    unloaded: bool = False  # files alone do not load it
    pinned: bool = False  # it stays in memory, whoever else wants room
    asked: bool = False  # loaded by a request, where only requests load models
    held_back: frozenset[int] = frozenset()  # rolled back from: neither wanted by a policy, nor asked without a version
    kept: int | None = None  # rolled back to: wanted where the policy has no other
    labels: Mapping[str, int] = {}  # set by requests
    filed: Mapping[str, int] = {}  # set by model.toml; requests win
    routed: Mapping[str, int] = {}  # where each label leads now: to its version, once that is ready
    traffic: Plans = Plans()  # how requests without a version are shared

    @property
    def meant(self) -> Mapping[str, int]:
        """Where each label is to lead."""
        return {**self.filed, **self.labels}


def wanted_versions(
    policy: VersionPolicy, available: Collection[int], wishes: Wishes, broken: Collection[int] = ()
) -> list[int]:
    """The versions that the policy has served out of those available, ascending.

    Those that are `broken` do not count, as long as there are others that the policy may have instead.
    """
    if wishes.unloaded:
        return []
    may = set(available) - wishes.held_back
    chosen = set(wanted(policy, may.difference(broken)) or wanted(policy, may))
    if not chosen and wishes.kept is not None and wishes.kept in available:
        chosen = {wishes.kept}
    return sorted(chosen)


def held_versions(available: Collection[int], ready: Collection[int], wishes: Wishes) -> set[int]:
    """The versions that are kept served, whatever the policy: those that labels lead to and are to lead to, and those
    that share the model's requests."""
    if wishes.unloaded:
        return set()
    leads = {number for label, number in wishes.routed.items() if label in wishes.meant}
    kept = {*wishes.meant.values(), *wishes.traffic.versions}
    return leads.intersection(ready) | kept.intersection({*available, *ready})


def routed(wishes: Wishes, ready: Collection[int], stands: int | None = None) -> Wishes:
    """Each label leads to its version once that is ready, and until then stays where it is, if that is ready; a new
    label stable where it `stands` for already: at what answers requests that name no version."""
    before = wishes.routed if stands is None else {STABLE: stands, **wishes.routed}
    leads = {label: number if number in ready else before.get(label) for label, number in wishes.meant.items()}
    return msgspec.structs.replace(
        wishes, routed={label: number for label, number in leads.items() if number is not None and number in ready}
    )


def default_version(ready: Collection[int], wishes: Wishes) -> int | None:
    """The version that stands for the model: that which a rollout is to replace, else the stable one, else the highest
    that is neither rolled back from nor a shadow. It answers requests that name none, as far as no rollout or split
    shares them out. None while stable is to lead somewhere and nothing has ever answered: no version is released by
    another's absence."""
    rollout = wishes.traffic.rollout
    if rollout and rollout.base in ready:
        return rollout.base
    stable = wishes.routed.get(STABLE)
    if stable is not None and stable in ready:
        return stable
    if STABLE in wishes.meant:
        return None
    shadow = wishes.traffic.shadow
    away = wishes.held_back | {shadow.version} if shadow else wishes.held_back
    return max(set(ready) - away or ready, default=None)


def foremost(wishes: Wishes) -> list[int]:
    """The versions that are to answer requests which name none, the one first that what is not ready goes to: loaded in
    this order, none has more than its share because another is not there yet."""
    rollout, split, stable = wishes.traffic.rollout, wishes.traffic.split, wishes.meant.get(STABLE)
    base = [rollout.base] if rollout else []
    shares = sorted(split.weights, key=lambda version: -split.weights[version]) if split else []
    return [*base, *shares, *([] if stable is None else [stable])]


def rolled_back(wishes: Wishes, target: int, versions: Collection[int]) -> Wishes:
    """What is wished once the target is gone back to: of these versions the higher ones stay away."""
    above = frozenset(version for version in versions if version > target)
    labels = {**wishes.labels, STABLE: target} if STABLE in wishes.meant else wishes.labels
    return msgspec.structs.replace(wishes, held_back=wishes.held_back | above, kept=target, labels=labels)


def loaded(wishes: Wishes, asked: bool = False) -> Wishes:
    """What is wished once somebody asks for the model again: what its files and its labels say."""
    return msgspec.structs.replace(wishes, unloaded=False, asked=asked, held_back=frozenset(), kept=None)


def unloaded(wishes: Wishes) -> Wishes:
    """What is wished once somebody took the model out of service: no rollout; labels, a split and a shadow are kept for
    the next load."""
    traffic = msgspec.structs.replace(wishes.traffic, rollout=None)
    return msgspec.structs.replace(wishes, unloaded=True, asked=False, routed={}, traffic=traffic)


def standing_back(wishes: Wishes, versions: Collection[int]) -> Wishes:
    """What is wished while these versions come that are to answer only as a split, a shadow or a rollout says."""
    return msgspec.structs.replace(wishes, held_back=wishes.held_back.union(versions))


def labelled(wishes: Wishes, label: str, version: int | None) -> Wishes:
    """What is wished once a request sets a label, or with None takes back what requests said of it."""
    others = {name: number for name, number in wishes.labels.items() if name != label}
    return msgspec.structs.replace(wishes, labels=others if version is None else {**others, label: version})


def kept_wishes(wishes: Wishes) -> Wishes:
    """What the next start is to know: neither what files say, nor what is ready."""
    return msgspec.structs.replace(wishes, filed={}, routed={})
