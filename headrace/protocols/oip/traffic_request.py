"""Bodies that ask for a split, a shadow or a rollout -> what is planned. What cannot be is named by its field."""

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from headrace.errors import InvalidRequest, VersionNotFound
from headrace.protocols.oip.model_version import read_model
from headrace.traffic.choice import WHAT_IS_A_KEY, is_key
from headrace.traffic.plans import MIN_REQUESTS, STEP_S, TOLERANCE, DifferenceGate, Gates, Rollout, Shadow, Split

STEPS = (0.01, 0.1, 0.5, 1.0)
MOST_STEPS = 100
MAX_STEP_S = 7 * 86400.0
SUM_WITHIN = 1e-6

USUAL_GATES = Gates(errors=0.01, p99_ratio=1.5)
"""Where a body says nothing of gates."""


class SplitBody(msgspec.Struct, forbid_unknown_fields=True):
    weights: dict[str, float]
    key: str = ""


class ShadowBody(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    share: float = 1.0
    tolerance: float = TOLERANCE


class DifferenceBody(msgspec.Struct, forbid_unknown_fields=True):
    tolerance: float = TOLERANCE
    share: float = 0.02


class GatesBody(msgspec.Struct, forbid_unknown_fields=True):
    errors: float | None = None
    p99_ratio: float | None = None
    difference: DifferenceBody | None = None
    compare: float = 0.0


class RolloutBody(msgspec.Struct, forbid_unknown_fields=True):
    to: str
    steps: tuple[float, ...] = STEPS
    step_s: float = STEP_S
    min_requests: int = MIN_REQUESTS
    gates: GatesBody | None = None
    key: str = ""


def read_split(name: str, body: SplitBody) -> Split:
    """Raises InvalidRequest."""
    if not body.weights:
        raise InvalidRequest('is empty; give versions with their weights, as in {"3": 0.9, "4": 0.1}', "weights")
    weights: dict[int, float] = {}
    for said, weight in body.weights.items():
        where = f"weights.{said}"
        version = read_version(name, said, where)
        if version in weights:
            raise InvalidRequest(f"version {version} is there twice", where)
        weights[version] = _between(weight, 0, 1, where)
    if abs(sum(weights.values()) - 1) > SUM_WITHIN:
        raise InvalidRequest(f"the weights are {sum(weights.values()):g} together; they must be 1", "weights")
    return Split(weights, _key(body.key))


def read_shadow(name: str, body: ShadowBody) -> Shadow:
    """Raises InvalidRequest."""
    share = _above_none(_between(body.share, 0, 1, "share"), "share")
    tolerance = _between(body.tolerance, 0, math.inf, "tolerance")
    return Shadow(read_version(name, body.version, "version"), share, tolerance)


def read_rollout(name: str, body: RolloutBody) -> Rollout:
    """Its base is said by whoever knows what answers now. Raises InvalidRequest."""
    gates = USUAL_GATES if body.gates is None else _gates(body.gates)
    if not 1 <= body.min_requests <= 1_000_000_000:
        raise InvalidRequest(f"{body.min_requests} is not a number from 1 to 1000000000", "min_requests")
    step_s = _between(body.step_s, 0, MAX_STEP_S, "step_s")
    to = read_version(name, body.to, "to")
    return Rollout(0, to, _steps(body.steps), step_s, body.min_requests, gates, _key(body.key))


def read_version(name: str, said: str, where: str) -> int:
    """The number of a version; a label is none, for it may move. Raises InvalidRequest."""
    try:
        version = read_model(name, said).version
    except VersionNotFound:
        version = None
    if version is None:
        raise InvalidRequest(f"{said!r} is not the number of a version", where)
    return version


def _gates(body: GatesBody) -> Gates:
    if body.errors is not None:
        _between(body.errors, 0, 1, "gates.errors")
    if body.p99_ratio is not None:
        _between(body.p99_ratio, 1, math.inf, "gates.p99_ratio")
    difference = None
    if body.difference is not None:
        tolerance = _between(body.difference.tolerance, 0, math.inf, "gates.difference.tolerance")
        difference = DifferenceGate(tolerance, _between(body.difference.share, 0, 1, "gates.difference.share"))
    compare = _between(body.compare, 0, 1, "gates.compare")
    if difference and not compare:
        raise InvalidRequest("must be above 0, where a difference is to be seen", "gates.compare")
    return Gates(body.errors, body.p99_ratio, difference, compare)


def _steps(steps: Sequence[float]) -> tuple[float, ...]:
    if not 1 <= len(steps) <= MOST_STEPS:
        raise InvalidRequest(f"has {len(steps)} shares; give 1 to {MOST_STEPS}", "steps")
    for index, share in enumerate(steps):
        _above_none(_between(share, 0, 1, f"steps[{index}]"), f"steps[{index}]")
    for index, (before, after) in enumerate(pairwise(steps), 1):
        if after <= before:
            raise InvalidRequest(f"{after:g} does not rise: the step before is {before:g}", f"steps[{index}]")
    if steps[-1] != 1:
        raise InvalidRequest(f"{steps[-1]:g} is the last step; that must be 1", f"steps[{len(steps) - 1}]")
    return tuple(steps)


def _key(key: str) -> str:
    if not is_key(key):
        raise InvalidRequest(f"{key!r} is no key; give {WHAT_IS_A_KEY}", "key")
    return key


def _between(value: float, least: float, most: float, where: str) -> float:
    if math.isfinite(value) and least <= value <= most:
        return value
    what = f"from {least:g} to {most:g}" if math.isfinite(most) else f"from {least:g}"
    raise InvalidRequest(f"{value:g} is not a number {what}", where)


def _above_none(value: float, where: str) -> float:
    if value > 0:
        return value
    raise InvalidRequest("is 0; give a share above that", where)
