"""Errors as HTTP answers."""

import json

import pytest

from headrace.errors import (
    DeadlineExceeded,
    HeadraceError,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
    RateLimited,
    WouldBeLate,
)
from headrace.protocols.http_error import coded_headers, http_error


def test_the_body_is_tritons_with_the_code_beside_it() -> None:
    answer = http_error(InvalidRequest("is missing", "inputs[0].shape"))
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "inputs[0].shape: is missing", "code": "invalid_request"}
    assert answer.headers == {}


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (30, "30")])
def test_retry_after_is_in_whole_seconds_rounded_up(seconds: float, header: str) -> None:
    assert http_error(QueueFull("full", retry_after_s=seconds)).headers["retry-after"] == header


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "1"), (0.0004, "1"), (0.0341, "35"), (0.2, "200"), (30, "30000")]
)
def test_the_same_is_said_in_milliseconds(seconds: float, header: str) -> None:
    assert http_error(RateLimited("often", retry_after_s=seconds)).headers["retry-after-ms"] == header


def test_a_late_request_is_told_when_its_answer_would_have_come() -> None:
    answer = http_error(WouldBeLate("late", retry_after_s=0.1, predicted_ms=81.23456, deadline_ms=50))
    assert answer.status == 429
    assert json.loads(answer.body) == {
        "error": "late",
        "code": "would_be_late",
        "predicted_ms": 81.235,
        "deadline_ms": 50,
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [(RateLimited("x"), 429), (QueueFull("x"), 503), (ModelUnavailable("x"), 503), (DeadlineExceeded("x"), 504)],
)
def test_a_refusal_for_lack_of_time_or_room_says_null_where_nothing_was_predicted(
    error: HeadraceError, status: int
) -> None:
    answer = http_error(error)
    said = json.loads(answer.body)
    assert (answer.status, said["predicted_ms"], said["deadline_ms"]) == (status, None, None)


def test_a_body_without_a_place_for_the_code_has_a_header() -> None:
    assert coded_headers(RateLimited("x")) == {"headrace-code": "rate_limited"}


def test_without_a_known_time_there_is_no_retry_after() -> None:
    assert http_error(ModelUnavailable("loading")).headers == {}


def test_what_would_be_late_even_alone_is_not_to_be_asked_again() -> None:
    headers = http_error(WouldBeLate("late, even alone")).headers
    assert headers == {"retry-after": "1", "retry-after-ms": "1000", "x-should-retry": "false"}
    assert "x-should-retry" not in http_error(WouldBeLate("late", retry_after_s=0.1)).headers


def test_halves_of_characters_are_escaped() -> None:
    assert json.loads(http_error(InvalidRequest("name '\udcff'")).body)["error"] == "name '\\udcff'"
