"""What requests ask of a model's versions -> which must be ready first, and what is wished then. Pure."""

from collections.abc import Callable, Mapping

import msgspec

from headrace.errors import InvalidRequest, NotFound, VersionNotFound
from headrace.models.wishes import Wishes, default_version, labelled, wanted_versions
from headrace.repository.labels import STABLE, WHAT_IS_A_LABEL, is_label
from headrace.repository.version_policy import VersionPolicy
from headrace.traffic.choice import choice_of
from headrace.traffic.plans import Rollout, Shadow, Split


class Now(msgspec.Struct, frozen=True):
    """How a model stands."""

    name: str
    ready: tuple[int, ...]
    there: tuple[int, ...]  # in the repository, or ready
    policy: VersionPolicy | None  # None: the repository has none of it

    def default(self, wishes: Wishes) -> int | None:
        return default_version(self.ready, wishes)

    def answering(self, wishes: Wishes) -> set[int | None]:
        """The versions that answer requests which name none."""
        choice = choice_of(self.name, wishes.traffic, self.ready)
        return set(choice.shares()) if choice else {self.default(wishes)}


class Turn(msgspec.Struct, frozen=True):
    """Something that is done to a model in one go."""

    wishes: Wishes
    needs: Mapping[int, str] = {}  # versions that must be ready first, and the field that named each
    cause: str = ""  # why those are loaded
    label: str = ""  # what answers by it now is what the versions are compared with; "": by default
    compared: str = ""  # the field that asks for answers to be compared, which only tensors can be


Plan = Callable[[Wishes, Now], Turn]
"""Raises InvalidRequest or NotFound where it cannot be."""


def label_turn(label: str, version: int | None) -> Plan:
    """Have a label lead to a version; None takes back what requests said of it."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        if not is_label(label):
            raise InvalidRequest(f"{label!r} is no label: {WHAT_IS_A_LABEL}", "label")
        if label == STABLE:
            _no_rollout(wishes, "label")
        after = labelled(wishes, label, version)
        cause = f"label {label!r} is to lead to it"
        if version is not None:
            return Turn(after, {version: "version"}, cause, label)
        filed = wishes.filed.get(label)
        if filed is not None and label not in wishes.labels:
            raise InvalidRequest(f"label {label!r} is set by model.toml; take it out there", "label")
        if label not in wishes.labels:
            raise VersionNotFound(f"model {now.name!r} has no label {label!r}", "label")
        return Turn(after, {} if filed is None or wishes.unloaded else {filed: "version"}, cause, label)

    return plan


def split_turn(split: Split | None) -> Plan:
    """Share requests by weights; None: no longer."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        if split is None and wishes.traffic.split is None:
            raise NotFound(f"model {now.name!r} has no split")
        after = _with(wishes, split=split)
        if split is None:
            return Turn(after)
        _no_rollout(wishes, "weights")
        return Turn(after, {version: f"weights.{version}" for version in split.weights}, "a split has it answer")

    return plan


def shadow_turn(shadow: Shadow | None) -> Plan:
    """Have a candidate asked what others answer; None: no longer."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        if shadow is None and wishes.traffic.shadow is None:
            raise NotFound(f"model {now.name!r} has no shadow")
        if shadow is None:
            return Turn(_with(wishes, shadow=None))
        if now.answering(wishes) == {shadow.version}:
            what = f"version {shadow.version} is what answers; its answers would be compared with themselves"
            raise InvalidRequest(f"{what}. Have another answer, with a label stable or a split", "version")
        after = _with(wishes, shadow=shadow)
        return Turn(after, {shadow.version: "version"}, "it is asked as a shadow", compared="version")

    return plan


def rollout_turn(asked: Rollout) -> Plan:
    """Begin a rollout; what answers by default is its base, whatever `asked` says of that."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        _no_rollout(wishes, "to")
        if wishes.traffic.split:
            what = f"a split shares the requests of model {now.name!r}, and would again once the rollout ends"
            raise InvalidRequest(f"{what}; take it away first, with DELETE of its route", "to")
        base = now.default(wishes)
        if base is None:
            raise InvalidRequest(f"model {now.name!r} has no version that answers now; load it first", "to")
        if base == asked.to:
            what = f"version {base} is what answers by default already; have the label stable lead to another first"
            raise InvalidRequest(what, "to")
        after = _with(wishes, rollout=msgspec.structs.replace(asked, base=base))
        compared = "gates.compare" if asked.gates.compare else ""
        return Turn(after, {asked.to: "to"}, f"a rollout from version {base}", compared=compared)

    return plan


def step_turn(rollout: Rollout, step: int) -> Plan:
    """Go to another step of a rollout that runs."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        _same(wishes, rollout, now)
        return Turn(_with(wishes, rollout=msgspec.structs.replace(rollout, step=step)))

    return plan


def finished_turn(rollout: Rollout) -> Plan:
    """The new version answers by default: stable leads to it where there is that label, or where it would not else."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        _same(wishes, rollout, now)
        after = _with(wishes, rollout=None)
        after = msgspec.structs.replace(after, held_back=after.held_back - {rollout.to})
        wanted = wanted_versions(now.policy, now.there, after) if now.policy else []
        alone = STABLE not in wishes.meant and now.default(after) == rollout.to and rollout.to in wanted
        return Turn(after if alone else labelled(after, STABLE, rollout.to))

    return plan


def back_turn(rollout: Rollout | None) -> Plan:
    """The old version answers again. The new one stays away where it would be what answers; None: whatever runs."""

    def plan(wishes: Wishes, now: Now) -> Turn:
        running = wishes.traffic.rollout
        if running is None:
            raise NotFound(f"model {now.name!r} has no rollout")
        if rollout is not None:
            _same(wishes, rollout, now)
        after = _with(wishes, rollout=None)
        if now.default(after) != running.base:
            after = msgspec.structs.replace(after, held_back=after.held_back | {running.to}, kept=running.base)
        return Turn(after)

    return plan


def _no_rollout(wishes: Wishes, where: str) -> None:
    if running := wishes.traffic.rollout:
        raise InvalidRequest(f"a rollout {running} runs; wait for its end, or roll it back with DELETE", where)


def _same(wishes: Wishes, rollout: Rollout, now: Now) -> None:
    running = wishes.traffic.rollout
    if running is None or (running.base, running.to) != (rollout.base, rollout.to):
        raise NotFound(f"the rollout of model {now.name!r} {rollout} has ended")


def _with(wishes: Wishes, **changed: Split | Shadow | Rollout | None) -> Wishes:
    return msgspec.structs.replace(wishes, traffic=msgspec.structs.replace(wishes.traffic, **changed))
