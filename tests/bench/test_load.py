"""Loads and objectives."""

import pytest

from headrace.bench.load import Closed, Objective, Open
from tests.bench.fakes import sample, stream


def test_a_load_has_a_name() -> None:
    assert (Open(12.5).label, Closed(1).label, Closed(16).label) == ("12.5/s", "1 client", "16 clients")


@pytest.mark.parametrize(("latency_ms", "met"), [(50.0, True), (50.1, False)])
def test_an_answer_is_in_time_up_to_the_objective(latency_ms: float, met: bool) -> None:
    assert Objective(50.0).met(sample(latency_ms)) is met


def test_without_an_objective_every_answer_is_in_time() -> None:
    assert Objective().met(sample(1e9))
    assert not Objective().asks
    assert str(Objective()) == "none"


def test_an_answer_without_tokens_has_no_first_one_in_time() -> None:
    assert not Objective(ttft_ms=100.0).met(sample(1.0))


def test_one_token_alone_has_no_pace_to_miss() -> None:
    assert Objective(tpot_ms=1.0).met(sample(50.0, stream=stream(10, [])))


def test_an_objective_says_all_of_it() -> None:
    assert str(Objective(100.0, 50.0, 5.0)) == "100 ms, first token 50 ms, each token 5 ms"
