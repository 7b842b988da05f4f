"""Errors as OpenAI's clients read them."""

import msgspec
import pytest

from headrace.errors import (
    BodyTooLarge,
    HeadraceError,
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    ModelNotFound,
    ModelUnavailable,
    QueueFull,
    Unsupported,
)
from headrace.protocols.openai.errors import openai_error


def test_an_error_has_a_message_a_type_a_param_and_a_code() -> None:
    status, body, headers = openai_error(InvalidRequest("must be a role", "messages[2].role"))
    assert (status, headers) == (400, {})
    assert msgspec.json.decode(body) == {
        "error": {
            "message": "messages[2].role: must be a role",
            "type": "invalid_request_error",
            "param": "messages[2].role",
            "code": "invalid_request",
        }
    }


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (ModelNotFound("no"), 404, "not_found_error"),
        (MethodNotAllowed("no"), 405, "invalid_request_error"),
        (BodyTooLarge("no"), 413, "invalid_request_error"),
        (Unsupported("no"), 400, "invalid_request_error"),
        (QueueFull("no"), 429, "rate_limit_error"),
        (Internal("no"), 500, "server_error"),
        (ModelUnavailable("no"), 503, "server_error"),
    ],
)
def test_an_error_has_the_status_that_clients_know(error: HeadraceError, status: int, type_: str) -> None:
    answer = openai_error(error)
    found = msgspec.json.decode(answer.body)["error"]
    assert (answer.status, found["type"], found["param"], found["code"]) == (status, type_, None, error.code)


def test_when_to_ask_again_is_told() -> None:
    assert openai_error(QueueFull("no", retry_after_s=0.2)).headers == {"retry-after": "1", "retry-after-ms": "200"}


def test_halves_of_characters_do_not_break_the_answer() -> None:
    assert b"\\\\ud800" in openai_error(InvalidRequest("no", "a\ud800")).body
