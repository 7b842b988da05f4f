"""One question to a server, and what its answer becomes."""

import json
from types import ModuleType

import pytest

from headrace.cli import label, pin, rollback, shadow, split
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


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        (label, ["m"]),
        (label, ["m", "stable", "3"]),
        (pin, ["m"]),
        (rollback, ["m"]),
        (shadow, ["m", "3"]),
        (split, ["m", "3=1"]),
    ],
)
def test_programs_are_told_the_server_s_own_words(
    serve: Serve, capsys: pytest.CaptureFixture[str], verb: ModuleType, arguments: list[str]
) -> None:
    told = b'{"its": "own"}'
    assert verb.run([*arguments, "--json", "--url", serve(lambda path, headers, body: (200, {}, told))]) == 0
    assert json.loads(capsys.readouterr().out) == {"its": "own"}


@pytest.mark.parametrize(("verb", "of"), [(label, ["stable"]), (shadow, []), (split, [])])
def test_programs_are_told_an_object_where_the_server_says_nothing(
    serve: Serve, capsys: pytest.CaptureFixture[str], verb: ModuleType, of: list[str]
) -> None:
    nothing = serve(lambda path, headers, body: (200, {}, b""))
    assert verb.run(["m", *of, "--remove", "--json", "--url", nothing]) == 0
    assert json.loads(capsys.readouterr().out) == {}
