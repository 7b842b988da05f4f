"""Tests of the next move."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.models.next_move import Load, Move, Unload, next_move
from headrace.types import VersionState


@pytest.mark.parametrize(
    ("states", "targets", "expected"),
    [
        ({}, [1], Load(1)),
        ({}, [1, 3], Load(3)),
        ({1: "READY"}, [1], None),
        ({1: "READY"}, [2], Load(2)),
        ({1: "READY", 2: "LOADING"}, [2], None),
        ({1: "READY", 2: "READY"}, [2], Unload(1)),
        ({1: "UNLOADING", 2: "READY"}, [2], None),
        ({1: "READY", 2: "READY"}, [], Unload(1)),
        ({}, [], None),
    ],
)
def test_new_versions_are_loaded_before_old_ones_are_unloaded(
    states: Mapping[int, VersionState], targets: list[int], expected: Move | None
) -> None:
    assert next_move(states, targets) == expected


def test_those_first_are_loaded_before_newer_ones() -> None:
    assert next_move({}, [1, 2, 3], [4], first=[5, 2, 1]) == Load(2)
    assert next_move({2: "UNAVAILABLE"}, [1, 2, 3], [4], first=[5, 2, 1]) == Load(1)
    assert next_move({1: "READY", 2: "READY"}, [1, 2, 3], [4], first=[5, 2, 1]) == Load(4)


def test_what_answers_stays_where_the_policy_wants_nothing_and_what_is_held_failed() -> None:
    assert next_move({1: "READY", 2: "UNAVAILABLE"}, [], {2}) is None
    assert next_move({1: "READY", 2: "READY"}, [], {2}) == Unload(1)


def test_a_failed_version_is_not_tried_again() -> None:
    assert next_move({2: "UNAVAILABLE"}, [2]) is None


def test_an_old_version_stays_when_its_successor_failed() -> None:
    assert next_move({1: "READY", 2: "UNAVAILABLE"}, [2]) is None


@given(
    present=st.sets(st.integers(1, 6)),
    failing=st.sets(st.integers(1, 6)),
    targets=st.sets(st.integers(1, 6)),
)
def test_following_the_moves_ends_and_never_leaves_a_model_unserved_that_could_be(
    present: set[int], failing: set[int], targets: set[int]
) -> None:
    states: dict[int, VersionState] = dict.fromkeys(present, "READY")
    moves = 0
    while move := next_move(states, targets):
        moves += 1
        match move:
            case Load(version):
                states[version] = "UNAVAILABLE" if version in failing else "READY"
            case Unload(version):
                del states[version]
        assert not (targets and present) or "READY" in states.values()
    assert moves <= 12
    ready = {version for version, state in states.items() if state == "READY"}
    assert ready >= targets - (failing - present)
