"""What else moved at the moment of a signal."""

import pytest

from headrace.changes.account import Signal
from headrace.changes.moment import Moment, moment
from headrace.changes.slots import Machine
from tests.changes.world import Load, World


class Day:
    def __init__(self) -> None:
        own = Load(rate=30, rows=2, per_row=1)
        self.world = World(3, {"m": own, "n": Load(rate=15, compute_ms=20), "o": Load()})
        self.world.run(50)
        self.at = self.world.now_s

    def then(self) -> Moment:
        self.world.run(40)
        account = self.world.changes.account("m", 3600)
        return moment(account, Signal("latency", self.at, self.at - 1, 2.0, 9.0, "", account.begin, account.end))


def test_where_nothing_moves_nothing_is_told() -> None:
    told = Day().then()
    assert (told.rate, told.traffic, told.neighbours, told.machine, told.shifted) == (1.0, [], [], {}, [])
    assert told.others == 2
    assert told.queue == pytest.approx(1, abs=0.3)


def test_rows_are_told_and_how_requests_of_as_many_fared() -> None:
    day = Day()
    day.world.models["m"].rows = 8
    told = day.then()
    assert "rows of a request went from" in told.traffic[0]
    assert told.same_rows == pytest.approx(1, abs=0.2)


def test_tenants_and_the_rate_are_told() -> None:
    day = Day()
    own = day.world.models["m"]
    own.tenants, own.rate = {"a": 0.1, "b": 0.9}, 90
    told = day.then()
    assert any(words.startswith("the share of tenant ") for words in told.traffic)
    assert told.rate == pytest.approx(3, rel=0.2)


def test_a_model_of_which_more_is_asked_is_a_neighbour_and_one_that_suffers_is_not() -> None:
    day = Day()
    day.world.models["n"].rate *= 3
    day.world.models["o"].compute_ms *= 3
    (neighbour,) = day.then().neighbours
    assert neighbour.name == "n"
    assert neighbour.after - neighbour.before == pytest.approx(0.6, abs=0.2)


def test_others_that_got_worse_and_the_machine_are_told() -> None:
    day = Day()
    day.world.slow, day.world.cores_of_others = 2.0, 1.5
    told = day.then()
    assert list(told.shifted) == ["n", "o"]
    assert list(told.machine) == [Machine.OTHERS]
    assert told.compute == pytest.approx(2, abs=0.3)


def test_whose_the_new_errors_are_is_told() -> None:
    day = Day()
    day.world.models["m"].client_errors = 0.3
    assert day.then().client_errors == 1.0


def test_versions_that_answer_side_by_side_are_compared() -> None:
    day = Day()
    own = day.world.models["m"]
    own.canary, own.share, own.canary_factor = 2, 0.4, 3.0
    apart = day.then().versions_apart
    assert apart[2] == pytest.approx(3, rel=0.25)
    assert apart[1] == pytest.approx(1 / 3, rel=0.25)
