"""Weights are held, keys stay with their version, and what is not ready is not chosen."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.traffic.choice import choice_of, is_key, point_of, said_at
from headrace.traffic.plans import Plans, Rollout, Split
from headrace.types import Context
from tests.chi_square import fits

USER = "header:X-User"


def user(name: str) -> Context:
    return Context(0, headers=((b"x-user", name.encode()),))


def test_weights_are_held_over_many_keys() -> None:
    choice = choice_of("m", Plans(Split({1: 0.2, 2: 0.3, 3: 0.5}, USER)), {1, 2, 3})
    assert choice is not None
    chosen = Counter(choice.pick(user(f"user-{number}"), 0.0) for number in range(5000))
    assert fits([chosen[1], chosen[2], chosen[3]], [0.2, 0.3, 0.5], 1e-4)


@given(st.floats(0, 1, exclude_max=True))
def test_without_a_key_the_number_drawn_decides(drawn: float) -> None:
    choice = choice_of("m", Plans(Split({1: 0.25, 2: 0.75})), {1, 2})
    assert choice is not None
    assert choice.pick(user("anna"), drawn) == (1 if drawn < 0.25 else 2)


def test_a_request_that_says_nothing_at_the_key_is_drawn() -> None:
    choice = choice_of("m", Plans(Split({1: 0.5, 2: 0.5}, USER)), {1, 2})
    assert choice is not None
    assert [choice.pick(Context(0), drawn) for drawn in (0.1, 0.9)] == [1, 2]


@given(st.text(min_size=1), st.floats(0.01, 0.5))
def test_who_is_with_the_new_version_stays_there_as_its_share_grows(name: str, share: float) -> None:
    steps = (share, share * 2, 1.0)
    seen = []
    for step in range(3):
        choice = choice_of("m", Plans(rollout=Rollout(1, 2, steps, key="tenant", step=step)), {1, 2})
        assert choice is not None
        seen.append(choice.pick(Context(0, tenant=name), 0.0))
    assert seen == sorted(seen)
    assert seen[-1] == 2


def test_a_rollout_goes_before_a_split_and_gives_nothing_more_once_it_is_halted() -> None:
    plans = Plans(Split({3: 1.0}), rollout=Rollout(1, 2, (0.25, 1.0)))
    going, halted = choice_of("m", plans, {1, 2, 3}), choice_of("m", plans, {1, 2, 3}, halted=True)
    assert going is not None
    assert halted is not None
    assert (going.shares(), halted.shares()) == ({2: 0.25, 1: 0.75}, {1: 1.0})


@given(st.sets(st.integers(1, 4)), st.lists(st.integers(0, 9), min_size=4, max_size=4), st.floats(0, 0.999))
def test_only_what_is_ready_is_chosen(ready: set[int], parts: list[int], drawn: float) -> None:
    weights = {number: part / (sum(parts) or 1) for number, part in enumerate(parts, 1)}
    choice = choice_of("m", Plans(Split(weights)), ready)
    answers = {version for version in ready if weights[version] > 0}
    if choice is None:
        assert not answers
    else:
        assert choice.pick(Context(0), drawn) in answers
        assert sum(choice.shares().values()) == pytest.approx(1)


def test_what_failed_gets_nothing_as_long_as_there_are_others() -> None:
    for failed, shares in (({1}, {2: 0.25, 3: 0.75}), ({1, 2}, {3: 1.0}), ({1, 2, 3}, {1: 0.6, 2: 0.1, 3: 0.3})):
        choice = choice_of("m", Plans(Split({1: 0.6, 2: 0.1, 3: 0.3})), {1, 2, 3}, failed)
        assert choice is not None
        assert choice.shares() == pytest.approx(shares)


def test_models_do_not_choose_alike_for_one_user() -> None:
    assert point_of("m", b"anna") == point_of("m", b"anna") != point_of("n", b"anna")


def test_a_header_is_found_whatever_the_protocol_and_the_case() -> None:
    assert said_at(USER, user("anna")) == b"anna"
    assert said_at(USER, Context(0, headers=(("x-user", "anna"),))) == b"anna"
    assert said_at("tenant", Context(0, tenant="acme")) == b"acme"


@pytest.mark.parametrize(("text", "right"), [("", True), ("tenant", True), (USER, True), ("header:", False)])
def test_what_is_a_key(text: str, right: bool) -> None:
    assert is_key(text) is right
    assert not any(map(is_key, ("user", "header:a b", "Header:x", "header:é")))
