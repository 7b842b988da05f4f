"""Errors as Anthropic's clients read them."""

import msgspec
import pytest

from headrace.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    HeadraceError,
    Internal,
    InvalidRequest,
    ModelNotFound,
    QueueFull,
    RateLimited,
    Unsupported,
)
from headrace.protocols.anthropic.errors import ThreadRefused, anthropic_error


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidRequest("no"), 400, "invalid_request_error"),
        (Unsupported("no"), 400, "invalid_request_error"),
        (ModelNotFound("no"), 404, "not_found_error"),
        (BodyTooLarge("no"), 413, "request_too_large"),
        (Internal("no"), 500, "api_error"),
        (DeadlineExceeded("no"), 504, "timeout_error"),
        (QueueFull("no"), 529, "overloaded_error"),
        (RateLimited("no"), 429, "rate_limit_error"),
    ],
)
def test_an_error_has_the_status_and_the_type_that_clients_know(error: HeadraceError, status: int, kind: str) -> None:
    answer = anthropic_error(error)
    assert answer.status == status
    assert msgspec.json.decode(answer.body) == {"type": "error", "error": {"type": kind, "message": "no"}}


def test_when_to_ask_again_and_the_code_are_headers() -> None:
    headers = {"headrace-code": "rate_limited", "retry-after": "1", "retry-after-ms": "30"}
    assert anthropic_error(RateLimited("no", retry_after_s=0.03)).headers == headers


def test_a_thread_is_refused_in_the_words_on_which_the_sdk_goes_on_without() -> None:
    error = msgspec.json.decode(anthropic_error(ThreadRefused("no", "thread")).body)["error"]
    assert error == {
        "type": "invalid_request_error",
        "message": "thread: no",
        "details": {"error_code": "thread_unsupported_request"},
    }
