"""Errors as Ollama's clients read them."""

from headrace.errors import InvalidRequest, ModelNotFound, Unavailable
from headrace.protocols.ollama.errors import ollama_error


def test_an_error_is_a_text_that_begins_with_the_field() -> None:
    status, body, _ = ollama_error(InvalidRequest("must be true", "stream"))
    assert (status, body) == (400, b'{"error":"stream: must be true"}')


def test_statuses_are_the_servers() -> None:
    assert ollama_error(ModelNotFound("no")).status == 404


def test_when_to_ask_again_and_the_code_are_headers() -> None:
    headers = {"headrace-code": "unavailable", "retry-after": "2", "retry-after-ms": "2000"}
    assert ollama_error(Unavailable("no", retry_after_s=2)).headers == headers
