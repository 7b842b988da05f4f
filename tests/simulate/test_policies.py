"""Policies by name."""

import pytest

from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.fixed_policy import FixedPolicy
from headrace.simulate.aimd_policy import AimdPolicy
from headrace.simulate.fitted_policy import FittedPolicy
from headrace.simulate.policies import NAMES, Chosen, make_policy, parse_policies, parse_policy
from tests.simulate.models import scenario


def test_each_name_is_a_policy() -> None:
    kinds = [type(make_policy(Chosen(name), scenario())) for name in NAMES]
    assert kinds == [DeadlinePolicy, FixedPolicy, FixedPolicy, AimdPolicy, FittedPolicy]


def test_a_policy_begins_with_what_was_measured_or_with_nothing() -> None:
    knowing, new = (make_policy(Chosen("deadline"), scenario(known=known)) for known in (True, False))
    assert isinstance(knowing, DeadlinePolicy)
    assert isinstance(new, DeadlinePolicy)
    assert (knowing.latency.known, new.latency.known) == (True, False)


def test_a_delay_is_of_the_fixed_policy() -> None:
    assert parse_policies("deadline, fixed:2.5") == [Chosen("deadline"), Chosen("fixed", 2.5)]
    assert [str(each) for each in parse_policies("fixed:5,none")] == ["fixed:5", "none"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fast", "they are deadline, fixed"),
        ("none:5", "only fixed has a delay"),
        ("fixed:-1", "only fixed has a delay"),
        ("fixed:nan", "only fixed has a delay"),
        ("fixed:soon", "only fixed has a delay"),
    ],
)
def test_what_is_no_policy_is_told_with_what_is(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_policy(text)


def test_a_policy_is_named_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_policies("none,none")
