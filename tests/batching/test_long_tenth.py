"""Where the longest tenth of requests begins, and what those in it take."""

from random import Random

import pytest

from headrace.batching.long_tenth import LongTenth


def seen(times: list[float]) -> tuple[LongTenth, list[float]]:
    """What each is found to be, the first few hundred apart."""
    tenth = LongTenth()
    found = [tenth.arrived(each) for each in times]
    return tenth, found[500:]


def drawn(scale: float = 1.0) -> list[float]:
    dice = Random(1)
    return [scale * dice.lognormvariate(0.0, 0.8) for _ in range(5000)]


def test_the_first_is_the_longest_there_is() -> None:
    assert LongTenth().arrived(5.0) == 1.0


@pytest.mark.parametrize("scale", [1e3, 1e9])
def test_one_in_ten_is_in_it_however_much_longer_they_are(scale: float) -> None:
    _, found = seen(drawn(scale))
    assert sum(each == 1.0 for each in found) / len(found) == pytest.approx(0.1, abs=0.01)


def test_what_those_in_it_take_is_their_mean() -> None:
    times = drawn()
    tenth, _ = seen(times)
    longest = sorted(times)[-len(times) // 10 :]
    assert tenth.takes_ns == pytest.approx(sum(longest) / len(longest), rel=0.25)


def test_half_as_long_as_its_shortest_is_half_way_there() -> None:
    tenth = LongTenth()
    tenth.arrived(8.0)
    assert tenth.arrived(4.0) == pytest.approx(0.5, rel=0.1)


def test_where_all_are_alike_none_is_taken_for_longer_than_it_is() -> None:
    tenth, found = seen([7.0] * 1000)
    assert tenth.takes_ns == pytest.approx(7.0)
    assert min(found) >= 0.9
