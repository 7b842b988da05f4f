"""What a terminal is shown of words of others."""

from headrace.cli.printable import printable


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b]0;title\x07\tb\r\n\x9b2J\x7fé") == "a�]0;title�\tb�\n�2J�é"
