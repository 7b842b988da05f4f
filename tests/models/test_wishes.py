"""What was asked for beyond the files, and what that makes wanted."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.models.version_policy import All, Latest, Specific, VersionPolicy
from headrace.models.wishes import Wishes, default_version, loaded, rolled_back, wanted_versions

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
