"""Points over time, as lines to draw."""

from headrace.dashboard.lines import lines
from headrace.history.levels import RAW
from headrace.history.point import Point
from headrace.types import ModelVersion

ONE, TWO = ModelVersion("m", 1), ModelVersion("m", 2)


def test_a_step_in_which_nothing_happened_is_there_too() -> None:
    told = lines(RAW, 100, 115, [(105, ONE, Point(requests=5, took=((0, 5),), waited_ns=5_000_000))])
    assert (told["since"], told["step_s"]) == (100, 5)
    assert told["all"]["rate"] == [0.0, 1.0, 0.0]
    assert told["all"]["p50_ms"] == [None, 0.05, None]
    assert told["all"]["wait_ms"] == [None, 1.0, None]


def test_versions_are_told_apart_and_together() -> None:
    told = lines(
        RAW,
        100,
        105,
        [
            (100, ONE, Point(requests=5, took=((0, 5),), reasons={"full": 2})),
            (100, TWO, Point(requests=10, took=((99, 10),), reasons={"idle": 1, "full": 1})),
        ],
    )
    assert told["all"]["rate"] == [3.0]
    assert {version: each["rate"] for version, each in told["versions"].items()} == {"1": [1.0], "2": [2.0]}
    assert told["reasons"] == {"full": 3, "idle": 1}
    assert told["histogram"] == [(0.1, 5), (None, 10)]
