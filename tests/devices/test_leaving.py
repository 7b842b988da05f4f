"""How processes run that end."""

from headrace.devices.leaving import Leaving
from headrace.devices.priority import Precedence


def test_what_ends_has_a_share_of_the_cores_for_who_has_forked_it_waits_for_its_threads_in_a_loop() -> None:
    runs: list[tuple[int, Precedence]] = []
    with Leaving(lambda pid, precedence: runs.append((pid, precedence)))(7):
        assert runs == [(7, "later")]


def test_once_it_has_ended_its_number_may_be_anothers() -> None:
    runs: list[tuple[int, Precedence]] = []
    with Leaving(lambda pid, precedence: runs.append((pid, precedence)))(7):
        runs.clear()
    assert not runs
