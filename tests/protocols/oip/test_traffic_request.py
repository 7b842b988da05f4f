"""What cannot be planned is refused by its field; what can be is read as it was said."""

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode
from headrace.protocols.oip.traffic_request import (
    STEPS,
    RolloutBody,
    ShadowBody,
    SplitBody,
    read_rollout,
    read_shadow,
    read_split,
)
from headrace.traffic.plans import DifferenceGate, Gates, Rollout, Shadow, Split


def split(text: str) -> Split:
    return read_split("m", decode(msgspec.json.Decoder(SplitBody), text.encode()))


def shadow(text: str) -> Shadow:
    return read_shadow("m", decode(msgspec.json.Decoder(ShadowBody), text.encode()))


def rollout(text: str) -> Rollout:
    return read_rollout("m", decode(msgspec.json.Decoder(RolloutBody), text.encode()))


def test_a_split_is_read() -> None:
    assert split('{"weights": {"3": 0.9, "v4": 0.1}, "key": "header:x-user"}') == Split(
        {3: 0.9, 4: 0.1}, "header:x-user"
    )


def test_a_shadow_is_read_and_is_asked_everything_where_nothing_else_is_said() -> None:
    assert shadow('{"version": "4", "share": 0.1}') == Shadow(4, 0.1)
    assert shadow('{"version": "4"}') == Shadow(4, 1.0)


def test_a_rollout_is_read() -> None:
    assert rollout(
        '{"to": "4", "steps": [0.01, 0.1, 0.5, 1], "step_s": 60, "min_requests": 200, "gates": {"errors": 0.01, '
        '"p99_ratio": 1.5, "difference": {"tolerance": 1e-3, "share": 0.02}, "compare": 1.0}}'
    ) == Rollout(0, 4, STEPS, 60.0, 200, Gates(0.01, 1.5, DifferenceGate(1e-3, 0.02), 1.0))


def test_without_gates_a_rollout_has_the_usual_ones_and_with_empty_ones_none() -> None:
    assert rollout('{"to": "4"}').gates == Gates(0.01, 1.5)
    assert rollout('{"to": "4", "gates": {}}').gates == Gates()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{}", "weights"),
        ('{"weights": {}}', "weights"),
        ('{"weights": {"3": 0.9}}', "weights"),
        ('{"weights": {"3": 0.9, "4": 0.2}}', "weights"),
        ('{"weights": {"3": -0.1, "4": 1.1}}', "weights.3"),
        ('{"weights": {"3": NaN}}', ""),
        ('{"weights": {"3": 1e400}}', ""),
        ('{"weights": {"3": "1"}}', "weights[...]"),
        ('{"weights": {"stable": 1}}', "weights.stable"),
        ('{"weights": {"x y": 1}}', "weights.x y"),
        ('{"weights": {"3": 0.5, "v3": 0.5}}', "weights.v3"),
        ('{"weights": {"3": 1}, "key": "user"}', "key"),
        ('{"weights": {"3": 1}, "key": "header:"}', "key"),
        ('{"weights": {"3": 1}, "seed": 1}', ""),
    ],
)
def test_a_split_that_cannot_be_is_refused(text: str, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        split(text)
    assert caught.value.where.startswith(where.partition("[")[0])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"version": "x y"}', "version"),
        ('{"version": "4", "share": 0}', "share"),
        ('{"version": "4", "share": 1.1}', "share"),
        ('{"version": "4", "share": -1}', "share"),
        ('{"version": "4", "tolerance": -1}', "tolerance"),
    ],
)
def test_a_shadow_that_cannot_be_is_refused(text: str, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        shadow(text)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ('"steps": []', "steps"),
        ('"steps": [0.5]', "steps[0]"),
        ('"steps": [0.5, 0.5, 1]', "steps[1]"),
        ('"steps": [0.5, 0.1, 1]', "steps[1]"),
        ('"steps": [0, 1]', "steps[0]"),
        ('"steps": [0.5, 2]', "steps[1]"),
        ('"step_s": -1', "step_s"),
        ('"min_requests": 0', "min_requests"),
        ('"gates": {"errors": 1.5}', "gates.errors"),
        ('"gates": {"p99_ratio": 0.5}', "gates.p99_ratio"),
        ('"gates": {"compare": 1.5}', "gates.compare"),
        ('"gates": {"difference": {}}', "gates.compare"),
        ('"gates": {"difference": {"tolerance": -1}, "compare": 1}', "gates.difference.tolerance"),
        ('"gates": {"difference": {"share": 2}, "compare": 1}', "gates.difference.share"),
        ('"key": "cookie:x"', "key"),
    ],
)
def test_a_rollout_that_cannot_be_is_refused(more: str, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        rollout(f'{{"to": "4", {more}}}')
    assert caught.value.where == where


def test_a_rollout_goes_to_the_number_of_a_version() -> None:
    with pytest.raises(InvalidRequest, match="to: 'stable' is not the number of a version"):
        rollout('{"to": "stable"}')
