"""Labels are joined with the answers that were given, and counted once."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.drift.feedback import KEPT, MINUTES, MOST_ROWS, Feedback
from headrace.drift.predictions import Predictions
from headrace.errors import InvalidRequest, NotFound
from headrace.types import ModelVersion
from tests.drift.driven import sample

MODEL = ModelVersion("m", 1)
MINUTE_NS = 60_000_000_000


def kept(count: int = 1, column: list[float] | None = None, kind: str = "class", minute: int = 0) -> Feedback:
    """Requests a, b, c, ... of one row each."""
    feedback = Feedback(0)
    answers = [0.0, 1.0, 2.0] if column is None else column
    records = [sample([], id_=chr(97 + i), at_ns=minute * MINUTE_NS) for i in range(len(answers))]
    feedback.keep(records, [1] * len(answers), Predictions(answers, {0: "cat", 1: "dog"}, kind))
    return feedback


def test_a_label_says_whether_the_answer_was_right() -> None:
    feedback = kept()
    assert (feedback.judge("a", ["cat"]).right, feedback.judge("b", ["cat"]).right) == (1, 0)
    (minute,) = feedback.minutes(MODEL)
    assert (minute.rows, minute.right) == (2, 1)


def test_a_class_without_a_label_is_told_by_its_number_in_either_form() -> None:
    assert kept().judge("c", [2]).right == 1
    assert kept().judge("c", ["2"]).right == 1


def test_the_same_label_again_is_counted_once() -> None:
    feedback = kept()
    outcomes = [feedback.judge("a", ["cat"]).outcome for _ in range(3)]
    assert outcomes == ["counted", "again", "again"]
    assert feedback.minutes(MODEL)[0].rows == 1


def test_another_label_takes_the_place_of_the_first() -> None:
    feedback = kept()
    feedback.judge("a", ["dog"])
    judged = feedback.judge("a", ["cat"])
    (minute,) = feedback.minutes(MODEL)
    assert (judged.outcome, judged.right, minute.rows, minute.right) == ("replaced", 1, 1, 1)


def test_of_numbers_the_error_is_told() -> None:
    feedback = kept(column=[1.5], kind="number")
    judged = feedback.judge("a", [2])
    assert (judged.right, judged.mean_error) == (None, 0.5)
    with pytest.raises(InvalidRequest, match="no number"):
        feedback.judge("a", ["two"])


@pytest.mark.parametrize("label", [10**400, 2**65, -(10**4000), 1e301, math.inf, math.nan])
def test_a_number_that_no_model_answers_is_refused(label: float) -> None:
    feedback = kept(column=[1.5], kind="number")
    with pytest.raises(InvalidRequest, match=r"no number from -1e.300 to 1e.300|more than 64 bits"):
        feedback.judge("a", [label])
    assert feedback.minutes(MODEL) == []


def test_a_number_as_long_as_a_line_is_no_class() -> None:
    with pytest.raises(InvalidRequest, match="more than 64 bits"):
        kept().judge("a", [10**5000])


def test_an_answer_that_is_no_number_is_compared_with_none() -> None:
    with pytest.raises(InvalidRequest, match="row 0 was answered nan"):
        kept(column=[math.nan], kind="number").judge("a", [1])


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8))
def test_labels_that_are_taken_back_leave_nothing(wrong: list[float]) -> None:
    feedback = kept(column=[1.5, 1e308], kind="number")
    feedback.judge("b", [-1e300])
    for label in [*wrong, 2]:
        feedback.judge("a", [label])
    feedback.judge("b", [1e300])
    (minute,) = feedback.minutes(MODEL)
    assert minute.error - Fraction(1e308) + Fraction(1e300) == Fraction(1, 2)
    assert minute.mean_error() == pytest.approx(5e307)


def test_large_requests_leave_room_for_fewer() -> None:
    feedback = Feedback(0)
    for number in range(MOST_ROWS // 1000 + 5):
        feedback.keep([sample([], id_=str(number))], [1000], Predictions([0.0] * 1000, {}, "class"))
        feedback.keep([sample([], id_=str(number))], [1000], Predictions([0.0] * 1000, {}, "class"))
    assert ("4" in feedback, "5" in feedback) == (False, True)


def test_a_request_of_several_rows_needs_a_label_for_each() -> None:
    feedback = Feedback(0)
    feedback.keep([sample([], id_="a")], [2], Predictions([0.0, 1.0], {}, "class"))
    assert feedback.judge("a", [0, 0]).right == 1
    with pytest.raises(InvalidRequest, match="1 labels for a request of 2 rows"):
        feedback.judge("a", [0])


def test_an_unknown_request_is_said_to_be_so() -> None:
    with pytest.raises(NotFound, match="no answer is remembered of request 'x'"):
        kept().judge("x", [1])


def test_only_so_many_answers_are_remembered_and_none_without_an_id() -> None:
    feedback = Feedback(0)
    records = [sample([], id_=str(i)) for i in range(KEPT + 10)]
    feedback.keep([*records, sample([])], [1] * (KEPT + 11), Predictions([0.0] * (KEPT + 11), {}, "class"))
    assert "9" not in feedback
    assert "10" in feedback
    assert "" not in feedback


def test_many_labels_take_no_more_memory_than_few() -> None:
    feedback = Feedback(0)
    for minute in range(MINUTES + 100):
        feedback.keep([sample([], id_="a", at_ns=minute * MINUTE_NS)], [1], Predictions([0.0], {}, "class"))
        feedback.judge("a", [0])
    assert len(feedback.minutes(MODEL)) == MINUTES


def test_a_late_label_counts_for_the_minute_of_its_answer() -> None:
    feedback = Feedback(0)
    for minute, id_ in ((0, "a"), (5, "b")):
        feedback.keep([sample([], id_=id_, at_ns=minute * MINUTE_NS)], [1], Predictions([0.0], {}, "class"))
    feedback.judge("b", [0])
    feedback.judge("a", [1])
    assert [(each.time, each.right) for each in feedback.minutes(MODEL)] == [(0, 0), (300, 1)]
