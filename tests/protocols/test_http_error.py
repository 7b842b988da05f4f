"""Errors as HTTP answers."""

import json

import pytest

from headrace.errors import InvalidRequest, ModelUnavailable, QueueFull
from headrace.protocols.http_error import http_error


def test_the_body_is_tritons_with_the_code_beside_it() -> None:
    answer = http_error(InvalidRequest("is missing", "inputs[0].shape"))
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "inputs[0].shape: is missing", "code": "invalid_request"}
    assert answer.headers == {}


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (30, "30")])
def test_retry_after_is_in_whole_seconds_rounded_up(seconds: float, header: str) -> None:
    assert http_error(QueueFull("full", retry_after_s=seconds)).headers == {"retry-after": header}


def test_without_a_known_time_there_is_no_retry_after() -> None:
    assert http_error(ModelUnavailable("loading")).headers == {}


def test_halves_of_characters_are_escaped() -> None:
    assert json.loads(http_error(InvalidRequest("name '\udcff'")).body)["error"] == "name '\\udcff'"
