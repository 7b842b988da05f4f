"""What a terminal is shown of words of others."""

import pytest

from headrace.printable import printable, printable_lines

TURNED = "a\N{RIGHT-TO-LEFT OVERRIDE}b\N{FIRST STRONG ISOLATE}c\N{LINE SEPARATOR}d"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x\n2026-11-28 all is well", r"x\n2026-11-28 all is well"),
        ("a\x1b]0;title\x07\tb\r\n\x9b2J\x7fé", r"a\x1b]0;title\x07\tb\r\n\x9b2J\x7fé"),
        (TURNED, r"a\u202eb\u2068c\u2028d"),
        ("größe 2 \N{SNOWMAN}", "größe 2 \N{SNOWMAN}"),
    ],
)
def test_a_value_stays_on_its_line_and_steers_nothing(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_control_characters_of_a_text_do_not_reach_the_terminal() -> None:
    assert printable_lines("a\x1b]0;title\x07\tb\r\n\x9b2J\x7fé") == "a�]0;title�\tb�\n�2J�é"


def test_nor_does_what_turns_a_text_around() -> None:
    assert printable_lines(TURNED) == "a�b�c�d"


def test_a_text_keeps_the_marks_that_scripts_need() -> None:
    text = "می\N{ZERO WIDTH NON-JOINER}خواهم\N{RIGHT-TO-LEFT MARK}\N{NO-BREAK SPACE}!"
    assert printable_lines(text) == text
