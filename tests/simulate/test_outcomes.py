"""Each request is over once."""

import pytest

from headrace.simulate.outcomes import ANSWERED, REFUSED, Outcomes


def test_a_request_has_the_number_that_it_was_sent_as() -> None:
    outcomes = Outcomes()
    assert [outcomes.sent(5, 1, 8, "blue"), outcomes.sent(6, 2, 9, "")] == [0, 1]
    outcomes.over(1, ANSWERED, 9)
    assert list(outcomes.verdicts) == [0, ANSWERED]
    assert list(outcomes.done_ns) == [0, 9]
    assert len(outcomes) == 2


def test_nobody_is_answered_twice() -> None:
    outcomes = Outcomes()
    outcomes.over(outcomes.sent(0, 1, 0, ""), REFUSED, 1)
    with pytest.raises(RuntimeError, match="second time"):
        outcomes.over(0, ANSWERED, 2)
