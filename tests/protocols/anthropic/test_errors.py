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
    Unsupported,
)
from headrace.protocols.anthropic.errors import anthropic_error


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
    ],
)
def test_an_error_has_the_status_and_the_type_that_clients_know(error: HeadraceError, status: int, kind: str) -> None:
    answer = anthropic_error(error)
    assert answer.status == status
    assert msgspec.json.decode(answer.body) == {"type": "error", "error": {"type": kind, "message": "no"}}
