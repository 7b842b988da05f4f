"""When an alarm begins and ends."""

from headrace.drift.alarms import Alarms, Crossing, worst
from headrace.drift.comparison import Score


def crossing(feature: str = "X[0]", statistic: float = 2.0) -> Crossing:
    return Crossing(Score(feature, "ks", statistic, 1.0, True), "reference", statistic)


def test_an_alarm_begins_once() -> None:
    alarms = Alarms()
    assert alarms.window({"X[0]": crossing()}) == ([crossing()], [])
    assert alarms.window({"X[0]": crossing()}) == ([], [])
    assert "X[0]" in alarms


def test_one_quiet_window_does_not_end_it_and_two_in_a_row_do() -> None:
    alarms = Alarms()
    alarms.window({"X[0]": crossing()})
    assert alarms.window({}) == ([], [])
    assert alarms.window({"X[0]": crossing(statistic=3)}) == ([], [])
    assert alarms.window({}) == ([], [])
    assert alarms.window({}) == ([], [crossing()])
    assert "X[0]" not in alarms


def test_all_may_be_ended() -> None:
    alarms = Alarms()
    alarms.window({"X[0]": crossing()})
    assert alarms.clear() == [crossing()]
    assert "X[0]" not in alarms


def test_the_worst_test_of_a_feature_stands_for_it() -> None:
    found = [
        ("reference", Score("X[0]", "ks", 2.0, 1.0, True)),
        ("previous", Score("X[0]", "psi", 9.0, 3.0, True)),
        ("reference", Score("X[1]", "ks", 0.5, 1.0, False)),
    ]
    assert {feature: (each.score.test, each.against) for feature, each in worst(found).items()} == {
        "X[0]": ("psi", "previous")
    }
