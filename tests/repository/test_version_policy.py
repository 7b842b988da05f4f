"""Tests of the policy that chooses versions."""

import pytest

from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy, wanted


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (All(), [1, 2, 10]),
        (Latest(), [10]),
        (Latest(2), [2, 10]),
        (Latest(9), [1, 2, 10]),
        (Specific((10, 1)), [1, 10]),
        (Specific((3,)), []),
        (Specific((2, 2)), [2]),
    ],
)
def test_wanted_versions_follow_the_policy_in_ascending_order(policy: VersionPolicy, expected: list[int]) -> None:
    assert wanted(policy, [2, 10, 1]) == expected


def test_nothing_available_is_nothing_wanted() -> None:
    assert [wanted(policy, []) for policy in (All(), Latest(3), Specific((1,)))] == [[], [], []]
