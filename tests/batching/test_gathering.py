"""Where runs take next to nothing, a batch stays open while each turn of the loop brings something."""

from headrace.batching.gathering import HELD_UP, SHORT_NS, Gathering


def gathering(computed_ns: int = SHORT_NS // 2, requests: int = 2) -> Gathering:
    made = Gathering()
    made.ran(requests, computed_ns)
    return made


def test_it_goes_on_while_each_turn_brings_something() -> None:
    made = gathering()
    assert made.goes_on(2, 16)
    assert made.goes_on(5, 16)
    assert not made.goes_on(5, 16)


def test_the_next_batch_is_gathered_anew() -> None:
    made = gathering()
    made.goes_on(5, 16)
    made.goes_on(5, 16)
    assert made.goes_on(2, 16)


def test_one_that_waits_alone_is_run() -> None:
    assert not gathering().goes_on(1, 16)


def test_a_full_batch_is_run() -> None:
    assert not gathering().goes_on(16, 16)


def test_long_runs_wait_for_nobody() -> None:
    assert not gathering(SHORT_NS).goes_on(2, 16)


def test_requests_that_do_not_share_runs_wait_for_nobody() -> None:
    assert not gathering(requests=1).goes_on(2, 16)


def test_nobody_is_waited_for_until_a_run_has_shown_to_be_short() -> None:
    assert not Gathering().goes_on(2, 16)
    assert not gathering(0).goes_on(2, 16)


def test_it_pays_where_requests_shared_a_short_run_and_one_alone_says_nothing_of_that() -> None:
    made = gathering()
    made.ran(1, SHORT_NS // 2)
    assert made.pays


def test_it_does_not_pay_any_more_once_more_runs_were_long_than_are_held_up_by_chance() -> None:
    made = gathering()
    for _ in range(HELD_UP):
        made.ran(2, SHORT_NS)
        assert made.pays
    made.ran(2, SHORT_NS)
    assert not made.pays


def test_after_a_failure_nobody_knows_whether_it_pays() -> None:
    made = gathering()
    made.failed()
    assert not made.pays
    assert not made.goes_on(2, 16)
