"""`headrace chat` with one question, against a server of one answer."""

import io
import json
from typing import Any

import pytest

from headrace.cli.main import main
from tests.cli.chat_chunks import PARIS, chat_server, chunk
from tests.cli.conftest import Serve


def test_the_answer_to_a_question_is_printed(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "m", "Which city?", "--url", serve(chat_server(*PARIS))]) == 0
    assert capsys.readouterr() == ("Paris.\n", "")


def test_a_question_may_stand_behind_flags_and_without_quotes(serve: Serve) -> None:
    asked: list[Any] = []
    url = serve(chat_server(*PARIS, asked=asked))
    assert main(["chat", "m", "--url", url, "--temperature", "0", "Which", "city?"]) == 0
    assert asked[0]["messages"] == [{"role": "user", "content": "Which city?"}]
    assert asked[0]["temperature"] == 0


def test_what_is_piped_in_is_the_question(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("sys.stdin", io.StringIO("two\nlines\n"))
    assert main(["chat", "m", "--system", "s", "--url", serve(chat_server(*PARIS, asked=asked))]) == 0
    assert [each["content"] for each in asked[0]["messages"]] == ["s", "two\nlines\n"]


def test_a_script_gets_json(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "m", "Which city?", "--json", "--url", serve(chat_server(*PARIS))]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("first_token_s") > 0
    assert told.pop("tokens_per_s") > 0
    assert told == {
        "model": "m",
        "text": "Paris.",
        "reasoning": "",
        "finish_reason": "stop",
        "prompt_tokens": 7,
        "completion_tokens": 3,
    }


def test_an_answer_that_breaks_off_is_a_failure(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(chat_server(chunk("Par"), {"error": {"message": "the engine has died"}}))
    assert main(["chat", "m", "Which city?", "--url", url]) == 1
    assert capsys.readouterr() == ("Par", "headrace: the answer broke off: the engine has died\n")


def test_a_model_that_is_not_there_is_told_with_those_that_are(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", "n", "Which city?", "--url", serve(chat_server())]) == 1
    assert "model 'n' is not in the repository; the server's language models are: m" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([" "], "the question is empty"),
        (["a", "--timeout", "0"], "--timeout 0 is not a time"),
        (["a", "--temperature", "nan"], "argument --temperature: invalid number value: 'nan'"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "m", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_json_needs_a_question(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    assert main(["chat", "m", "--json"]) == 2
    assert "--json goes with one question" in capsys.readouterr().err
