"""How many tokens of prompts a step has computed of late."""

import pytest

from headrace.llm.recent_prompts import RecentPrompts


def test_before_the_first_step_there_are_none() -> None:
    assert RecentPrompts().mean == 0.0


def test_a_step_counts_once_however_long_it_is() -> None:
    recent = RecentPrompts()
    for _ in range(200):
        recent.learn(80, 0.08)
        recent.learn(0, 0.02)
    assert recent.mean == pytest.approx(40, rel=0.05)


def test_what_was_long_ago_is_forgotten() -> None:
    recent = RecentPrompts()
    for num_tokens in (*[100] * 50, *[10] * 50):
        recent.learn(num_tokens, 0.1)
    assert recent.mean == pytest.approx(10, abs=1)
