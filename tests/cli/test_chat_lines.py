"""What is typed in a chat, and what is kept of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.cli.chat_lines import MAX_KEPT, History, history_file, read_message


def _typed(*lines: str) -> Callable[[str], str]:
    left = iter(lines)

    def read(prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return read


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Which city?  "], "Which city?"),
        (["  "], ""),
        ([""], ""),
        (["a pasted\ntext"], "a pasted\ntext"),
        (['"""', "a", "", "  b", '"""'], "a\n\n  b"),
        (['"""a', 'b"""  '], "a\nb"),
        (['"""a"""'], "a"),
    ],
)
def test_a_message_is_a_line_or_all_between_quotes(lines: list[str], message: str) -> None:
    assert read_message(_typed(*lines)) == message


def test_quotes_that_are_never_closed_are_the_end_of_input() -> None:
    with pytest.raises(EOFError):
        read_message(_typed('"""', "a"))


def test_the_history_is_kept_under_the_users_state() -> None:
    assert history_file({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/headrace/chat_history")
    assert history_file({"HOME": "/h"}) == Path("/h/.local/state/headrace/chat_history")


def test_a_message_is_kept_for_the_next_chat_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history"
    History(path).add("two\nlines")
    History(path).add("öne")
    assert path.read_text().splitlines() == ['"two\\nlines"', '"\\u00f6ne"']
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_message_again_is_kept_once(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    history.add("a")
    history.add("a")
    assert (tmp_path / "history").read_text() == '"a"\n'


def test_the_oldest_are_dropped_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f'"{number}"\n' for number in range(MAX_KEPT)))
    History(path).add("new")
    lines = path.read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (MAX_KEPT, '"1"', '"new"')


def test_a_file_of_something_else_is_no_reason_to_fail(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b'\xff\n{}\n"a"\n')
    History(path).add("b")
    assert path.read_text() == '"a"\n"b"\n'


def test_where_nothing_can_be_kept_the_chat_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    History(tmp_path / "file" / "history").add("a")
