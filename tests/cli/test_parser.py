"""What is said of a wrong command line."""

import pytest

from headrace.cli.failure import Failure
from headrace.cli.parser import Parser, number


def parser() -> Parser:
    made = Parser("headrace serve")
    made.add_argument("repository")
    made.add_argument("--http-port", type=int)
    return made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "--port", "1"], "there is no flag '--port'; did you mean '--http-port'?"),
        (["models", "--htp-port=1"], "there is no flag '--htp-port'; did you mean '--http-port'?"),
        (["models", "--xyz"], "there is no flag '--xyz';"),
        (["models", "more"], "there is no place for 'more';"),
        ([], "the following arguments are required: repository;"),
        (["models", "--http-port", "x"], "argument --http-port: invalid int value: 'x';"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_where_to_look(arguments: list[str], message: str) -> None:
    with pytest.raises(Failure) as caught:
        parser().parse_args(arguments)
    assert caught.value.exit_code == 2
    assert str(caught.value) == f"{message} `headrace serve --help` shows what it takes"


def test_what_is_given_is_known_though_it_is_as_it_would_be_without() -> None:
    made = parser()
    made.add_argument("--input", action="append", default=[])
    made.add_argument("--rows", type=int, default=1)
    made.add_argument("--find-max", action="store_true")
    assert made.given(["models"]) == frozenset()
    assert made.given(["models", "--rows", "1", "--input", "x=1"]) == {"rows", "input"}
    assert made.given(["models", "--find-max"]) == {"find_max"}


def test_a_right_command_line_is_read() -> None:
    assert parser().parse_args(["models", "--http-port", "1"]).http_port == 1


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "many"])
def test_a_number_is_one_that_json_has_a_word_for(text: str) -> None:
    made = parser()
    made.add_argument("--share", type=number)
    with pytest.raises(Failure, match=f"argument --share: invalid number value: '{text}'"):
        made.parse_args(["models", f"--share={text}"])
    assert made.parse_args(["models", "--share", "1e-3"]).share == 0.001
