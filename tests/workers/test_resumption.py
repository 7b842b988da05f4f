"""What is known of requests in case their engine dies."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.blame import LAST
from headrace.generation import Delta, Generated, Usage
from headrace.llm.engine_protocol import Told
from headrace.workers.resumption import PROBATION_STEPS, Resumption, Suspects


def generated(*deltas: Delta) -> Generated:
    return Generated(deltas, Usage(1, 1))


def test_a_stream_is_resumed_behind_all_that_was_told_of_each_choice() -> None:
    resumption = Resumption(3)
    resumption.hear(generated(Delta(0, "a", (1,)), Delta(1, "bc", (2, 3))))
    resumption.hear(generated(Delta(0, "d", (4,), finish="stop")))
    assert resumption.told() == (Told((1, 4), True), Told((2, 3)), Told())


def test_what_was_told_nothing_is_not_begun() -> None:
    assert not Resumption(1).begun


def test_after_one_death_all_are_sent_again_together() -> None:
    suspects = Suspects()
    suspects.sent([1, 2])
    assert suspects.died() == []
    assert suspects.sendable([1, 2, 3]) == [1, 2, 3]


def test_after_two_deaths_those_that_were_answered_nothing_are_tried_one_by_one() -> None:
    suspects = Suspects()
    for _ in range(2):
        suspects.sent([1, 2])
        suspects.died()
    assert suspects.sendable([1, 2, 3]) == [1]
    suspects.sent([1])
    assert suspects.sendable([2, 3]) == []
    assert suspects.stepped([1])
    assert suspects.sendable([2, 3]) == [2]


def test_after_one_hang_those_that_were_answered_nothing_are_tried_one_by_one() -> None:
    suspects = Suspects()
    suspects.sent([1, 2])
    assert suspects.died(hung=True) == []
    assert suspects.sendable([1, 2, 3]) == [1]
    suspects.sent([1])
    assert suspects.died(hung=True, by_itself=True) == [1]


def test_one_that_an_engine_hangs_of_by_itself_is_given_up_whoever_was_answered_before() -> None:
    suspects = Suspects()
    suspects.sent([1, 2])
    suspects.stepped([1])
    assert suspects.died(hung=True, by_itself=True) == [2]


def test_one_that_an_engine_hangs_of_beside_others_that_were_answered_is_tried_once_more() -> None:
    suspects = Suspects()
    suspects.sent([1, 2])
    suspects.stepped([1])
    assert suspects.died(hung=True) == []
    assert suspects.sendable([1, 2]) == [2]


def test_one_is_not_given_up_for_what_may_have_hung_of_another_whose_caller_left() -> None:
    suspects = Suspects()
    suspects.sent([1, 2])
    suspects.forget(1)
    assert suspects.died(hung=True, by_itself=True) == []
    suspects.sent([2])
    suspects.forget(2)
    suspects.sent([3])
    suspects.stepped([])
    assert suspects.died(hung=True, by_itself=True) == [3]


def test_one_that_was_answered_something_between_two_deaths_is_not_suspected() -> None:
    suspects = Suspects()
    for _ in range(10):
        suspects.sent([1, 2])
        suspects.stepped([1, 2])
        assert suspects.died() == []
        assert suspects.sendable([1, 2]) == [1, 2]


def test_one_that_comes_through_some_steps_lets_the_next_go() -> None:
    suspects = Suspects()
    for _ in range(2):
        suspects.sent([1, 2])
        suspects.died()
    suspects.sent([1])
    assert [suspects.stepped([]) for _ in range(PROBATION_STEPS)] == [False] * (PROBATION_STEPS - 1) + [True]
    assert suspects.sendable([2]) == [2]


def test_one_whose_caller_leaves_lets_the_next_go() -> None:
    suspects = Suspects()
    for _ in range(2):
        suspects.sent([1, 2])
        suspects.died()
    suspects.sent([1])
    assert suspects.forget(1)
    assert suspects.sendable([2]) == [2]


@given(st.integers(1, 12), st.integers(0, 11), st.booleans())
def test_the_one_that_engines_die_of_is_given_up_and_no_other(count: int, which: int, answered_before: bool) -> None:
    """Whatever is sent without it is answered; whatever with it dies."""
    poison = which % count
    suspects = Suspects()
    if answered_before:
        suspects.sent([99])
        suspects.stepped([99])
    waiting, given_up = list(range(count)), list[int]()
    for _ in range(LAST + 2 * count):
        going = suspects.sendable(waiting)
        if not going:
            break
        suspects.sent(going)
        if poison in going:
            dead = suspects.died()
            given_up += dead
            waiting = [number for number in waiting if number not in dead]
        else:
            suspects.stepped(going)
            waiting = [number for number in waiting if number not in going]
    assert given_up == [poison]
    assert not waiting
