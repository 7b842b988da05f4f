"""What was asked for beyond the files, and what that makes wanted."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.models.next_move import Load, Unload, next_move
from headrace.models.wishes import (
    Wishes,
    default_version,
    foremost,
    held_versions,
    kept_wishes,
    labelled,
    loaded,
    rolled_back,
    routed,
    standing_back,
    unloaded,
    wanted_versions,
)
from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy
from headrace.traffic.plans import Plans, Rollout, Shadow, Split
from headrace.types import VersionState

VERSIONS = st.sets(st.integers(1, 6))
POLICIES: st.SearchStrategy[VersionPolicy] = st.one_of(
    st.just(All()), st.builds(Latest, st.integers(1, 3)), st.builds(Specific, st.lists(st.integers(1, 6)).map(tuple))
)


def test_without_wishes_the_policy_decides() -> None:
    assert wanted_versions(Latest(), [1, 2], Wishes()) == [2]
    assert default_version([1, 2], Wishes()) == 2
    assert default_version([], Wishes()) is None


def test_a_version_that_was_rolled_back_from_stays_away() -> None:
    wishes = rolled_back(Wishes(), 1, [1, 2, 3])
    assert wanted_versions(Latest(), [1, 2, 3], wishes) == [1]
    assert default_version([1, 2, 3], wishes) == 1


def test_what_is_broken_does_not_count_where_the_policy_may_have_another() -> None:
    assert wanted_versions(Latest(2), [1, 2, 3], Wishes(), broken={3}) == [1, 2]
    assert wanted_versions(Latest(), [1, 2], rolled_back(Wishes(), 1, [1, 2]), broken={1}) == [1]
    assert wanted_versions(Specific((2,)), [1, 2], Wishes(), broken={2}) == [2]


def test_a_shadow_answers_only_where_nothing_else_does() -> None:
    wishes = Wishes(traffic=Plans(shadow=Shadow(2)))
    assert default_version([1, 2], wishes) == 1
    assert default_version([2], wishes) == 2
    assert default_version([1, 2], routed(labelled(wishes, "stable", 2), [1, 2])) == 2


def test_no_version_stands_in_for_the_stable_one_unless_it_answered_before() -> None:
    wishes = labelled(Wishes(), "stable", 1)
    assert default_version([2], routed(wishes, [2])) is None
    assert default_version([2, 3], routed(wishes, [2, 3], stands=2)) == 2
    assert default_version([1, 2], routed(routed(wishes, [2], stands=2), [1, 2], stands=2)) == 1


def test_what_answers_before_the_stable_version_is_there_is_kept_whatever_the_policy_says() -> None:
    assert held_versions([2, 3], [2, 3], routed(labelled(Wishes(), "stable", 1), [2, 3], stands=2)) == {2}


def test_what_is_to_answer_is_foremost_and_most_so_what_the_others_stand_in_for() -> None:
    assert foremost(Wishes()) == []
    plans = Plans(split=Split({1: 0.2, 2: 0.5, 3: 0.3}), rollout=Rollout(5, 6, (0.1, 1.0)))
    assert foremost(Wishes(filed={"stable": 4, "canary": 7}, traffic=plans)) == [5, 2, 3, 1, 4]


def test_what_stands_back_does_not_answer() -> None:
    assert default_version([1, 2, 3], standing_back(Wishes(held_back=frozenset({3})), {2})) == 1


def test_a_newer_version_ends_a_roll_back() -> None:
    wishes = rolled_back(Wishes(), 1, [1, 2])
    assert wanted_versions(Latest(), [1, 2, 3], wishes) == [3]
    assert default_version([1, 3], wishes) == 3


def test_what_was_gone_back_to_is_wanted_where_the_policy_names_another() -> None:
    assert wanted_versions(Specific((2,)), [1, 2], rolled_back(Wishes(), 1, [1, 2])) == [1]


def test_an_unloaded_model_wants_nothing_until_it_is_asked_for() -> None:
    wishes = Wishes(unloaded=True)
    assert wanted_versions(All(), [1, 2], wishes) == []
    assert wanted_versions(All(), [1, 2], loaded(wishes)) == [1, 2]


def test_a_load_wants_what_the_files_say() -> None:
    assert loaded(rolled_back(Wishes(), 1, [1, 2])) == Wishes()


@given(POLICIES, VERSIONS, VERSIONS, st.integers(1, 6))
def test_what_was_gone_back_to_answers_wherever_it_is(
    policy: VersionPolicy, available: set[int], more: set[int], target: int
) -> None:
    available.add(target)
    wishes = rolled_back(Wishes(), target, available)
    assert default_version(available, wishes) == target
    assert max(wanted_versions(policy, available, wishes), default=target) <= target
    assert set(wanted_versions(policy, available | more, wishes)) <= available | more


def test_a_label_moves_once_its_version_is_ready_and_stays_where_it_is_until_then() -> None:
    wishes = routed(labelled(Wishes(), "canary", 1), [1])
    moving = labelled(wishes, "canary", 2)
    assert routed(moving, [1]).routed == {"canary": 1}
    assert routed(moving, [1, 2]).routed == {"canary": 2}


def test_a_label_that_nothing_ready_stands_behind_leads_nowhere() -> None:
    assert routed(labelled(Wishes(), "canary", 2), [1]).routed == {}


def test_a_label_keeps_its_version_until_it_has_moved() -> None:
    wishes = routed(labelled(Wishes(), "canary", 1), [1])
    assert held_versions([1, 2, 3], [1, 3], labelled(wishes, "canary", 2)) == {1, 2}
    assert held_versions([2, 3], [1, 3], wishes) == {1}
    assert held_versions([1, 2], [1], unloaded(wishes)) == set()


def test_requests_win_over_files_and_give_way_to_them_again() -> None:
    wishes = labelled(Wishes(filed={"stable": 1}), "stable", 2)
    assert wishes.meant == {"stable": 2}
    assert labelled(wishes, "stable", None).meant == {"stable": 1}


def test_the_stable_version_stands_for_the_model() -> None:
    wishes = routed(labelled(Wishes(), "stable", 1), [1, 2])
    assert default_version([1, 2], wishes) == 1
    assert rolled_back(wishes, 3, [3]).meant == {"stable": 3}


def test_the_next_start_is_told_what_requests_said_and_nothing_else() -> None:
    wishes = Wishes(unloaded=True, labels={"a": 1}, filed={"b": 2}, routed={"a": 1})
    assert kept_wishes(wishes) == Wishes(unloaded=True, labels={"a": 1})


EVENTS = st.one_of(
    st.tuples(st.just("file"), VERSIONS, st.sets(st.integers(1, 6))),
    st.tuples(st.just("label"), st.sampled_from(["stable", "canary", "x"]), st.one_of(st.none(), st.integers(1, 6))),
    st.tuples(st.just("back"), st.integers(1, 6), st.none()),
    st.tuples(st.just("load"), st.none(), st.none()),
)


@given(POLICIES, st.lists(EVENTS, max_size=12))
def test_over_any_history_a_model_that_answered_goes_on_and_no_label_dangles(
    policy: VersionPolicy, history: list[tuple[str, object, object]]
) -> None:
    """Files come and break, labels are set, requests roll back and load, and each time the moves are followed."""
    there: set[int] = {1}
    failing: set[int] = set()
    ready: set[int] = set()
    wishes = Wishes()
    for kind, first, second in history:
        wishes, there, failing = happen(wishes, there, failing, ready, (kind, first, second))
        answered = default_version(ready, wishes) is not None
        wishes, ready = follow(policy, there, failing, wishes, ready)
        assert set(wishes.routed.values()) <= ready
        assert set(wishes.routed) <= set(wishes.meant)
        for label, number in wishes.meant.items():
            assert wishes.routed.get(label) == number or number not in ready
        wanted_now = wanted_versions(policy, there, wishes)
        assert not (answered and wanted_now) or ready


def happen(
    wishes: Wishes, there: set[int], failing: set[int], ready: set[int], event: tuple[str, object, object]
) -> tuple[Wishes, set[int], set[int]]:
    kind, first, second = event
    if kind == "file":
        assert isinstance(first, set)
        assert isinstance(second, set)
        return wishes, first, second
    if kind == "label":
        assert isinstance(first, str)
        assert second is None or isinstance(second, int)
        can = second is None or second in ready or (second in there and second not in failing)
        return (labelled(wishes, first, second) if can else wishes), there, failing
    if kind == "back":
        assert isinstance(first, int)
        return (rolled_back(wishes, first, there | ready) if first in ready else wishes), there, failing
    return loaded(wishes), there, failing


def follow(
    policy: VersionPolicy, there: set[int], failing: set[int], wishes: Wishes, ready: set[int]
) -> tuple[Wishes, set[int]]:
    """As the reconcile loop does it: loads, then labels, then unloads."""
    ready = set(ready)
    wishes = routed(wishes, ready)
    wanted_now, held = wanted_versions(policy, there, wishes), held_versions(there, ready, wishes)
    states: dict[int, VersionState] = dict.fromkeys(ready, "READY")
    while isinstance(move := next_move(states, wanted_now, held), Load):
        states[move.version] = "UNAVAILABLE" if move.version in failing else "READY"
        ready |= {move.version} - failing
        broken = {version for version, state in states.items() if state == "UNAVAILABLE"}
        wanted_now = wanted_versions(policy, there, wishes, broken)
    wishes = routed(wishes, ready)
    wanted_now, held = wanted_versions(policy, there, wishes, failing - ready), held_versions(there, ready, wishes)
    states = dict.fromkeys((*wanted_now, *held), "UNAVAILABLE")
    states |= dict.fromkeys(ready, "READY")
    while isinstance(move := next_move(states, wanted_now, held), Unload):
        del states[move.version]
        ready.discard(move.version)
    return wishes, ready
