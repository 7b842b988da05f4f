"""How much of a deadline is left unplanned."""

from headrace.batching.guard import LEAST, MOST, Guard


def test_a_late_answer_leaves_more_unplanned_and_answers_in_time_give_it_back() -> None:
    guard = Guard()
    before = guard.share
    guard.answered(late=True)
    assert guard.share > before
    for _ in range(10_000):
        guard.answered(late=False)
    assert guard.share == LEAST
    for _ in range(100):
        guard.answered(late=True)
    assert guard.within(100.0) == 100.0 * (1 - MOST)


def test_who_refuses_all_for_it_gives_back_what_a_late_answer_took() -> None:
    guard = Guard()
    before = guard.share
    guard.answered(late=True)
    guard.relax()
    assert before - 0.001 < guard.share < before + 0.001
    for _ in range(100):
        guard.relax()
    assert guard.share == LEAST
