"""An engine keeps what it promised, or says at once that it cannot."""

import pytest

from headrace.llm.terms import Terms
from tests.llm.engines import Bench, greedy, prompt


def test_what_cannot_be_in_time_is_refused_before_anything_is_told_of_it() -> None:
    bench = Bench()
    bench.add(1, greedy(prompt(1, 30), 4), Terms(ttft_ns=1))
    bench.add(2, greedy(prompt(2, 30), 4), Terms(tpot_ns=1))
    bench.add(3, greedy(prompt(3, 30), 4))
    bench.run()
    for number in (1, 2):
        [answer] = bench.answers[number]
        assert answer.fault is not None
        assert answer.fault.code == "would_be_late"
        assert (answer.fault.predicted_ms or 0) > 1.0
        assert answer.fault.deadline_ms == pytest.approx(1e-6)
        assert answer.fault.retry_after_s is None
    assert bench.ids(3) == bench.alone(prompt(3, 30), 4)


def test_a_request_whose_first_token_can_no_longer_be_in_time_is_given_up_with_all_its_choices() -> None:
    bench = Bench(max_sequences=1)
    bench.add(1, greedy(prompt(1, 30), 30), Terms(priority=1))
    bench.step()
    bench.add(2, greedy(prompt(2, 30), 4, n=2), Terms(ttft_ns=900_000_000))
    bench.step()
    assert not bench.answers[2]
    bench.now_ns += 900_000_000
    bench.run()
    [answer] = bench.answers[2]
    assert answer.fault is not None
    assert (answer.fault.code, answer.fault.deadline_ms) == ("deadline_exceeded", 900.0)
    assert len(bench.ids(1)) == 30
    assert bench.engine.counts().used_blocks == 0


def test_a_pace_that_was_promised_changes_no_token() -> None:
    bench = Bench()
    for number in range(1, 7):
        bench.add(number, greedy(prompt(number, 40), 20), Terms(tpot_ns=number * 100_000_000))
        bench.step()
    bench.run()
    for number in range(1, 7):
        assert bench.ids(number) == bench.alone(prompt(number, 40), 20)
