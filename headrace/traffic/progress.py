"""What a rollout does next, by what was seen of it: it stays, takes a step, ends, or goes back. Pure."""

import msgspec

from headrace.traffic.gates import Seen, breach
from headrace.traffic.plans import Rollout


class Stay(msgspec.Struct, frozen=True):
    """Its step goes on, and why."""

    waits_for: str


class GoTo(msgspec.Struct, frozen=True):
    """It takes this step."""

    step: int


class Finish(msgspec.Struct, frozen=True):
    """The new version has the other's place."""


class Back(msgspec.Struct, frozen=True):
    """The old version answers all again."""

    reason: str


Move = Stay | GoTo | Finish | Back


def next_move(rollout: Rollout, seen: Seen, step_s: float) -> Move:
    """After `step_s` of the step that it is at. Gates are looked at first: nothing good makes up for a breach."""
    if found := breach(rollout, seen):
        return Back(str(found))
    if seen.answers < rollout.min_requests:
        return Stay(f"answers: {seen.answers} of {rollout.min_requests}")
    if rollout.gates.difference and not seen.compared.total:
        return Stay("answers that are compared")
    if step_s < rollout.step_s:
        return Stay(f"time: {step_s:.0f} of {rollout.step_s:g} s")
    return GoTo(rollout.step + 1) if rollout.step + 1 < len(rollout.steps) else Finish()
