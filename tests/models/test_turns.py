"""What is asked for says what it needs, and what is wished then; what cannot be is refused by the field."""

from collections.abc import Callable

import pytest

from headrace.errors import HeadraceError, InvalidRequest, NotFound
from headrace.models.turns import (
    Now,
    Plan,
    back_turn,
    finished_turn,
    label_turn,
    rollout_turn,
    shadow_turn,
    split_turn,
    step_turn,
)
from headrace.models.wishes import Wishes, held_versions, routed, wanted_versions
from headrace.repository.version_policy import Latest, Specific, VersionPolicy
from headrace.traffic.plans import Gates, Plans, Rollout, Shadow, Split

ASKED = Rollout(0, 2, (0.1, 1.0))
RUNS = Rollout(1, 2, (0.1, 1.0))
ROLLING = Wishes(traffic=Plans(rollout=RUNS))
SPLIT = Wishes(traffic=Plans(split=Split({1: 0.5, 3: 0.5})))


def now(*ready: int, policy: VersionPolicy | None = Latest(1), there: tuple[int, ...] = ()) -> Now:  # noqa: B008
    return Now("m", ready, tuple(sorted({*ready, *there})), policy)


def wished(plan: Plan, wishes: Wishes, stands: Now) -> Wishes:
    return routed(plan(wishes, stands).wishes, stands.ready)


def test_a_split_needs_its_versions_and_names_the_field_of_each() -> None:
    turn = split_turn(Split({1: 0.5, 2: 0.5}))(Wishes(), now(1))
    assert turn.needs == {1: "weights.1", 2: "weights.2"}
    assert turn.wishes.traffic.split == Split({1: 0.5, 2: 0.5})


def test_a_rollout_begins_from_what_answers_by_default() -> None:
    turn = rollout_turn(ASKED)(Wishes(), now(1, there=(2,)))
    assert (turn.wishes.traffic.rollout, turn.needs) == (RUNS, {2: "to"})
    assert now(1, 2).default(turn.wishes) == 1


def test_a_step_is_another_share() -> None:
    after = step_turn(RUNS, 1)(ROLLING, now(1, 2)).wishes.traffic.rollout
    assert after is not None
    assert after.share == 1.0


def test_at_the_end_the_new_version_is_what_answers() -> None:
    after = wished(finished_turn(RUNS), ROLLING, now(1, 2))
    assert (after, now(1, 2).default(after)) == (Wishes(), 2)


def test_at_the_end_stable_leads_to_the_new_version_where_there_is_that_label() -> None:
    labelled = Wishes(labels={"stable": 1}, traffic=ROLLING.traffic)
    assert wished(finished_turn(RUNS), labelled, now(1, 2)).routed == {"stable": 2}


@pytest.mark.parametrize("policy", [Latest(1), Specific((1,)), None])
def test_at_the_end_stable_keeps_a_version_that_would_not_answer_otherwise(policy: VersionPolicy | None) -> None:
    down = Rollout(base=2, to=1, steps=(1.0,))
    up = Rollout(base=1, to=2, steps=(1.0,))
    for rollout in (down, up):
        stands = now(1, 2, policy=policy)
        after = wished(finished_turn(rollout), Wishes(traffic=Plans(rollout=rollout)), stands)
        kept = held_versions(stands.there, stands.ready, after)
        wanted = wanted_versions(policy, stands.there, after) if policy else []
        assert stands.default(after) == rollout.to
        assert rollout.to in {*kept, *wanted}


def test_once_rolled_back_the_old_version_answers_and_the_new_one_stays_away() -> None:
    after = back_turn(RUNS)(ROLLING, now(1, 2)).wishes
    assert now(1, 2).default(after) == 1
    assert wanted_versions(Latest(1), [1, 2], after) == [1]


def test_a_rollback_leaves_the_policy_alone_where_stable_says_what_answers() -> None:
    before = Wishes(labels={"stable": 1})
    after = wished(back_turn(None), routed(Wishes(labels={"stable": 1}, traffic=ROLLING.traffic), [1, 2]), now(1, 2))
    assert after == routed(before, [1, 2])


def test_a_rollout_after_a_rollback_brings_the_version_in() -> None:
    back = back_turn(RUNS)(ROLLING, now(1, 2)).wishes
    again = rollout_turn(ASKED)(back, now(1, there=(2,))).wishes
    after = wished(finished_turn(RUNS), again, now(1, 2))
    assert now(1, 2).default(after) == 2
    assert wanted_versions(Latest(1), [1, 2], after) == [2]


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(),
        Wishes(labels={"stable": 2}, routed={"stable": 2}),
        Wishes(traffic=Plans(split=Split({1: 0.0, 2: 1.0}))),
        Wishes(traffic=Plans(split=Split({2: 0.5, 3: 0.5}))),
    ],
)
def test_what_answers_all_is_no_shadow(wishes: Wishes) -> None:
    with pytest.raises(InvalidRequest, match="version 2 is what answers") as caught:
        shadow_turn(Shadow(2))(wishes, now(1, 2))
    assert caught.value.where == "version"


@pytest.mark.parametrize("wishes", [Wishes(labels={"stable": 1}, routed={"stable": 1}), ROLLING])
def test_what_answers_none_or_some_may_be_a_shadow(wishes: Wishes) -> None:
    assert shadow_turn(Shadow(2))(wishes, now(1, 2)).needs == {2: "version"}


def test_answers_of_language_models_are_not_to_be_compared() -> None:
    compares = Rollout(0, 2, (1.0,), gates=Gates(compare=0.5))
    assert rollout_turn(compares)(Wishes(), now(1, there=(2,))).compared == "gates.compare"
    assert shadow_turn(Shadow(1))(Wishes(), now(1, 2)).compared == "version"
    assert rollout_turn(ASKED)(Wishes(), now(1, there=(2,))).compared == ""


@pytest.mark.parametrize(
    ("plan", "wishes", "error", "where"),
    [
        (lambda: rollout_turn(ASKED), ROLLING, InvalidRequest, "to"),
        (lambda: rollout_turn(Rollout(0, 1, (1.0,))), Wishes(), InvalidRequest, "to"),
        (lambda: rollout_turn(ASKED), SPLIT, InvalidRequest, "to"),
        (lambda: split_turn(Split({1: 1.0})), ROLLING, InvalidRequest, "weights"),
        (lambda: label_turn("stable", 1), ROLLING, InvalidRequest, "label"),
        (lambda: label_turn("Stable", 1), Wishes(), InvalidRequest, "label"),
        (lambda: split_turn(None), Wishes(), NotFound, ""),
        (lambda: shadow_turn(None), Wishes(), NotFound, ""),
        (lambda: back_turn(None), Wishes(), NotFound, ""),
        (lambda: back_turn(RUNS), Wishes(), NotFound, ""),
        (lambda: finished_turn(RUNS), Wishes(), NotFound, ""),
    ],
)
def test_what_cannot_be_is_refused(
    plan: Callable[[], Plan], wishes: Wishes, error: type[HeadraceError], where: str
) -> None:
    with pytest.raises(error) as caught:
        plan()(wishes, now(1))
    assert caught.value.where == where


def test_a_rollout_needs_something_to_begin_from() -> None:
    with pytest.raises(InvalidRequest, match="no version that answers now"):
        rollout_turn(ASKED)(Wishes(), now(there=(2,)))
