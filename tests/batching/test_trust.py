"""What is believed of predictions, by what became of those that had little to spare."""

from headrace.batching.trust import ENOUGH, LEAST, MOST, Trust

SLACK = 100.0


def told(trust: Trust, count: int, predicted: float, took: float) -> Trust:
    for _ in range(count):
        trust.answered(predicted, SLACK, took)
    return trust


def test_at_first_predictions_are_believed() -> None:
    assert Trust().share == 1.0
    assert told(Trust(), 1, 80, 40).share == 1.0


def test_a_few_say_a_little_and_more_of_them_more() -> None:
    shares = [told(told(Trust(), count, 80, 40), 2 * count, 40, 40).share for count in (1, 8, 24, ENOUGH)]
    told_of = [told(told(Trust(), 2 * count, 40, 40), count, 80, 40).share for count in (1, 8, 24, ENOUGH)]
    assert shares == sorted(shares, reverse=True)
    assert told_of == sorted(told_of, reverse=True)
    assert told_of[0] >= 0.9 > told_of[2] > told_of[3] == LEAST


def test_predictions_that_allow_for_too_much_are_believed_in_part() -> None:
    assert told(Trust(), ENOUGH, 80, 60).share == 0.75


def test_no_run_of_luck_makes_them_worth_nothing() -> None:
    assert told(Trust(), ENOUGH, 80, 1).share == LEAST


def test_predictions_that_fall_short_are_believed_and_more() -> None:
    assert told(Trust(), ENOUGH, 80, 96).share == 1.2
    assert told(Trust(), ENOUGH, 80, 200).share == MOST


def test_those_with_time_to_spare_say_nothing() -> None:
    assert told(Trust(), 1000, 40, 10).share == 1.0


def test_the_fewer_have_little_to_spare_the_more_of_them_may_take_longer() -> None:
    busy, idle = Trust(), Trust()
    for _ in range(256):
        told(told(busy, 9, 80, 40), 1, 80, 72)
        told(told(told(idle, 9, 80, 40), 1, 80, 72), 40, 10, 10)
    assert busy.share == 0.9
    assert idle.share == 0.5


def test_what_was_long_ago_is_forgotten() -> None:
    trust = told(told(Trust(), 300, 80, 80), 300, 80, 60)
    assert trust.share == 0.75
