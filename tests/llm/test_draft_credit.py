"""What drafts may lose."""

from headrace.llm.draft_credit import ALLOWED, MOST, DraftCredit


def test_there_is_credit_for_one_try_and_then_for_one_in_a_while() -> None:
    credit = DraftCredit()
    tries = []
    for step in range(1000):
        credit.step(0.010, 1)
        if credit.is_there:
            credit.spend(0.010)
            tries.append(step)
    assert tries[0] == 0
    assert len(tries) <= 2 + 1000 * ALLOWED
    assert len(tries) >= 1000 * ALLOWED - 1


def test_drafts_that_are_right_pay_for_the_next_ones() -> None:
    credit = DraftCredit()
    for _ in range(100):
        credit.step(0.010, 1)
        assert credit.is_there
        credit.spend(0.012)
        credit.earn(2)


def test_a_token_saves_its_part_of_a_step() -> None:
    credit = DraftCredit()
    credit.step(0.010, 4)
    credit.spend(0.004)
    credit.earn(1)
    assert not credit.is_there
    credit.earn(1)
    assert credit.is_there


def test_what_was_gained_is_not_kept_for_ever() -> None:
    credit = DraftCredit()
    credit.step(0.010, 1)
    credit.earn(1000)
    credit.step(0.010, 1)
    credit.spend(MOST * 0.010 + 0.001)
    assert not credit.is_there


def test_drafts_that_take_no_longer_cost_nothing() -> None:
    credit = DraftCredit()
    credit.step(0.010, 1)
    for _ in range(100):
        credit.spend(-0.004)
    assert credit.is_there
