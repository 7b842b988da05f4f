"""One question to a server, and what its answer becomes."""

import pytest

from headrace.cli.asking import add_server_flags, ask, model_path
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from tests.cli.conftest import Serve


def test_json_is_sent_and_read(serve: Serve) -> None:
    parser = Parser()
    add_server_flags(parser, 5)
    options = parser.parse_args(["--url", serve(lambda path, headers, body: (200, {}, body))])
    assert ask(options, "PUT", "/x", {"a": 1}) == {"a": 1}
    assert ask(options, "DELETE", "/x") is None


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(404, b'{"error":"no such model"}', "404: no such model"), (500, b"oh", "500: oh"), (200, b"<html>", "not JSON")],
)
def test_what_goes_wrong_is_told(serve: Serve, status: int, body: bytes, said: str) -> None:
    parser = Parser()
    add_server_flags(parser, 5)
    options = parser.parse_args(["--url", serve(lambda path, headers, sent: (status, {}, body))])
    with pytest.raises(Failure, match=said):
        ask(options, "GET", "/x")


def test_a_model_s_name_is_one_part_of_the_path() -> None:
    assert model_path("a/b") == "/v2/headrace/models/a%2Fb"
