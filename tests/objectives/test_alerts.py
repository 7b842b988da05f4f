"""An alert fires once something was wrong for long enough, and ends once it was right for long enough."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.objectives.alerts import ENDED, Alerts
from headrace.objectives.rules import DISK, MODEL_FAILED, PAGE, Rule
from tests.objectives.make import condition

RULES = [Rule(MODEL_FAILED, PAGE, 30.0, "", "", "look"), Rule(DISK, PAGE, 0.0, "", "", "make room")]
WRONG = [condition()]


def alerts(most: int = 100) -> Alerts:
    return Alerts(RULES, resolve_s=60.0, most=most)


def states(of: Alerts) -> list[str]:
    return [alert.state for alert in of.all()]


def test_it_is_pending_first_and_fires_after_its_time() -> None:
    made = alerts()
    assert not made.look(0, WRONG)
    assert states(made) == ["pending"]
    assert not made.look(29, WRONG)
    (fired,) = made.look(30, WRONG)
    assert (fired.state, fired.since_s, fired.fired_s) == ("firing", 0, 30)
    assert not made.look(31, WRONG)
    assert list(made.firing().values()) == made.all()


def test_what_is_right_again_before_that_never_fires() -> None:
    made = alerts()
    made.look(0, WRONG)
    made.look(10, [])
    assert not made.all()
    assert not made.look(35, WRONG)


def test_one_without_a_time_fires_at_once() -> None:
    (fired,) = alerts().look(0, [condition(DISK, place="state")])
    assert fired.what_to_do == "make room"


def test_it_ends_once_it_was_right_for_long_enough() -> None:
    made = alerts()
    made.look(0, WRONG)
    made.look(30, WRONG)
    assert not made.look(40, [])
    assert states(made) == ["firing"]
    assert not made.look(90, WRONG)  # it was not over after all
    assert not made.look(100, [])
    (ended,) = made.look(160, [])
    assert (ended.state, ended.ended_s) == ("resolved", 160)
    assert not made.firing()
    assert states(made) == ["resolved"]


def test_it_tells_the_latest_words_and_number() -> None:
    made = alerts()
    made.look(0, [condition(DISK, 0.04)])
    made.look(1, [condition(DISK, 0.01)])
    assert made.all()[0].value == 0.01


def test_more_than_there_is_room_for_is_counted() -> None:
    made = alerts(most=3)
    made.look(0, [condition(DISK, place=str(n)) for n in range(10)])
    assert len(made.all()) == 3
    assert made.dropped == {"too_many": 7}


def test_only_the_last_that_ended_are_remembered() -> None:
    made = alerts(most=1000)
    made.look(0, [condition(DISK, place=str(n)) for n in range(ENDED + 50)])
    made.look(1, [])
    made.look(100, [])
    assert states(made) == ["resolved"] * ENDED


def test_every_rule_has_counts_from_the_start() -> None:
    made = alerts()
    made.look(0, [condition(DISK), *WRONG])
    assert made.counts() == {
        (MODEL_FAILED, PAGE, "pending"): 1,
        (MODEL_FAILED, PAGE, "firing"): 0,
        (DISK, PAGE, "pending"): 0,
        (DISK, PAGE, "firing"): 1,
    }


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60))
def test_every_alert_that_fires_ends_once_and_in_turn(steps: list[tuple[float, bool]]) -> None:
    made, now, told = alerts(), 0.0, list[str]()
    for passed, wrong in steps:
        now += passed
        told += [alert.state for alert in made.look(now, WRONG if wrong else [])]
    made.look(now, [])
    told += [alert.state for alert in made.look(now + 61, [])]
    assert told == ["firing", "resolved"] * (len(told) // 2)
