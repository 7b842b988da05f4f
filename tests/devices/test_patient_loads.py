"""Loads that give way, by a clock that the test turns."""

import os

import pytest

from headrace.devices import patient_loads
from headrace.devices.patient_loads import AGAIN_S, LOOK_S, STARVED_S, STEPS, PatientLoads
from headrace.devices.priority import Precedence
from tests.fakes import FakeClock


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.runs: list[Precedence] = []
        self.share = 1.0  # of a core, that the load has
        self.most_s = 3600.0  # that it ever has
        self.loads = PatientLoads(
            lambda pid, precedence: self.runs.append(precedence),
            self.clock,
            lambda pid: min(self.most_s, self.share * self.clock.now_ns() / 1e9),
        )


def test_a_load_gives_way_until_it_is_over() -> None:
    bench = Bench()
    with bench.loads(os.getpid()):
        assert bench.runs == ["last"]
    assert bench.runs == ["last", "usual"]


def test_the_longer_it_takes_the_less_it_gives_way() -> None:
    bench = Bench()
    with bench.loads(os.getpid()):
        for _ in range(11):
            bench.clock.pass_ms(int(LOOK_S * 1000))
        assert bench.runs == ["last", "later"]
        for _ in range(95):
            bench.clock.pass_ms(int(LOOK_S * 1000))
        assert bench.runs == ["last", "later", "usual"]


def test_where_no_core_has_time_to_spare_it_gives_way_no_longer() -> None:
    bench = Bench()
    bench.share = 0.04
    with bench.loads(os.getpid()):
        bench.clock.pass_ms(int(STARVED_S * 1000) - 1)
        assert bench.runs == ["last"]
        bench.clock.pass_ms(1)
        assert bench.runs == ["last", "usual"]
    assert bench.runs == ["last", "usual"]


def test_a_burst_that_leaves_nothing_does_not_end_that() -> None:
    bench = Bench()
    with bench.loads(os.getpid()):
        bench.clock.pass_ms(int(STARVED_S * 1000))
        bench.most_s = bench.clock.now_ns() / 1e9
        bench.clock.pass_ms(int(STARVED_S * 1000))
        assert bench.runs == ["last"]


def test_just_behind_one_that_found_nothing_to_spare_the_next_does_not_look_for_it() -> None:
    bench = Bench()
    bench.share = 0.04
    with bench.loads(os.getpid()):
        bench.clock.pass_ms(int(STARVED_S * 1000))
    bench.runs.clear()
    with bench.loads(os.getpid()):
        assert bench.runs == []
    bench.clock.pass_ms(int(AGAIN_S * 1000))
    with bench.loads(os.getpid()):
        assert bench.runs == ["last"]


def test_once_it_is_over_its_time_changes_nothing() -> None:
    bench = Bench()
    with bench.loads(os.getpid()):
        pass
    bench.clock.pass_ms(60000)
    assert bench.runs == ["last", "usual"]


def test_a_load_that_fails_gives_way_no_more() -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="it failed"), bench.loads(os.getpid()):
        raise ValueError("it failed")
    assert bench.runs == ["last", "usual"]


def test_a_number_that_is_anothers_by_now_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    with bench.loads(os.getpid()):
        monkeypatch.setattr(patient_loads, "began_at", lambda pid: "another")
    assert bench.runs == ["last"]


def test_every_load_ends_as_usual_however_busy_it_is() -> None:
    assert STEPS[-1][1] == "usual"
