"""A conversation, typed by a script."""

import io
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.chat_answers import Answer, Message
from headrace.cli.chat_lines import History
from headrace.cli.chat_terminal import Chat, Conversation, facts, show
from headrace.cli.failure import Failure
from tests.cli.chat_chunks import PARIS, chunk

Script = str | type[BaseException]


class Talk:
    """Types lines, answers each question with the same events, and keeps what was asked and shown."""

    def __init__(self, folder: Path, events: Callable[[], Generator[dict[str, Any], None, None]]) -> None:
        self.asked: list[list[Message]] = []
        self.shown = ""
        self.closed = 0
        self._folder = folder
        self._events = events

    def type(self, *lines: Script, system: str | None = None) -> "Talk":
        output, left = io.StringIO(), iter((*lines, EOFError))

        def read() -> str:
            line = next(left)
            if isinstance(line, str):
                return line
            raise line

        Chat(self._ask, Conversation(system), output).run(read, History(self._folder / "history"))
        self.shown = output.getvalue()
        return self

    def _ask(self, messages: list[Message]) -> Answer:
        self.asked.append(messages)
        times = iter([10.0, 10.5, 10.75, 11.0])
        return Answer(self._closing(), lambda: next(times))

    def _closing(self) -> Generator[dict[str, Any], None, None]:
        try:
            yield from self._events()
        finally:
            self.closed += 1


def _paris() -> Generator[dict[str, Any], None, None]:
    yield from PARIS


def _interrupted() -> Generator[dict[str, Any], None, None]:
    yield chunk("Par")
    raise KeyboardInterrupt


def _broken() -> Generator[dict[str, Any], None, None]:
    yield chunk("Par")
    raise Failure("the engine has died")


def _said(*pairs: str) -> list[Message]:
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(pairs)]


def test_an_answer_is_shown_with_its_facts(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _paris).type("Which city?")
    assert "Paris.\n3 tokens, 8.0 tokens/s, first after 0.50 s\n" in talk.shown


def test_what_was_said_is_sent_again(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _paris).type("a", "b", system="Be brief.")
    system = {"role": "system", "content": "Be brief."}
    assert talk.asked == [[system, *_said("a")], [system, *_said("a", "Paris.", "b")]]


def test_ctrl_c_stops_the_answer_and_not_the_chat(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _interrupted).type("a", "b")
    assert "Par\nfirst after 0.50 s, stopped\n" in talk.shown
    assert talk.asked[1] == _said("a", "Par", "b")
    assert talk.closed == 2


def test_a_failure_is_told_and_its_question_forgotten(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _broken).type("a", "b")
    assert "Par\nthe engine has died\n" in talk.shown
    assert talk.asked == [_said("a"), _said("b")]


def test_ctrl_c_at_the_prompt_says_how_to_end(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _paris).type(KeyboardInterrupt, "a")
    assert "/exit or Ctrl-D ends" in talk.shown
    assert len(talk.asked) == 1


@pytest.mark.parametrize("command", ["/exit", "/quit", "/bye"])
def test_exit_ends_it(command: str, tmp_path: Path) -> None:
    assert not Talk(tmp_path, _paris).type(command, "a").asked


def test_reset_forgets_what_was_said_but_not_the_system(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _paris).type("a", "/reset", "b", system="s")
    assert talk.asked[1] == [{"role": "system", "content": "s"}, *_said("b")]


def test_the_system_message_is_set_shown_and_taken_away(tmp_path: Path) -> None:
    talk = Talk(tmp_path, _paris).type("/system Be brief.", "a", "/system", "/system -", "b")
    assert talk.asked[0][0] == {"role": "system", "content": "Be brief."}
    assert talk.shown.count("system: Be brief.") == 2
    assert talk.asked[1] == _said("a", "Paris.", "b")


@pytest.mark.parametrize("command", ["/help", "/nonsense"])
def test_the_commands_are_listed(command: str, tmp_path: Path) -> None:
    talk = Talk(tmp_path, _paris).type(command)
    assert "/system TEXT" in talk.shown
    assert not talk.asked


def test_a_message_may_begin_with_a_slash_behind_a_space(tmp_path: Path) -> None:
    assert Talk(tmp_path, _paris).type(" /etc is what?").asked == [_said("/etc is what?")]


def test_nothing_is_not_sent(tmp_path: Path) -> None:
    assert not Talk(tmp_path, _paris).type("", "").asked


def test_a_file_gets_the_text_as_it_is() -> None:
    output = io.StringIO()
    show(Answer((each for each in [chunk("a\x1b[1m")]), lambda: 0.0), output)
    assert output.getvalue() == "a\x1b[1m"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_thoughts_are_shown_in_a_terminal_only() -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "Hm\x1b[1m."}}]}
    shown = []
    for output in (io.StringIO(), Terminal()):
        show(Answer((each for each in [thought, thought, chunk("Paris.")]), lambda: 0.0), output)
        shown.append(re.sub(r"\x1b\[[0-9;]*m", "", output.getvalue()))
    assert shown == ["Paris.", "Hm\ufffd[1m.Hm\ufffd[1m.\n\nParis."]


def test_an_answer_that_was_cut_says_so() -> None:
    answer = Answer((each for each in [chunk("a"), chunk(finish="length")]), lambda: 0.0)
    list(answer)
    assert facts(answer) == "first after 0.00 s, cut at the limit of tokens"
