"""Tokens begin where their first character stands in the text."""

import pytest

from headrace.text_offsets import TextOffsets


def offsets(*spelled: bytes) -> list[int]:
    counted = TextOffsets()
    return [counted.next(each) for each in spelled]


def test_tokens_that_are_one_character_together_begin_at_it() -> None:
    spelled = (b"A", *(bytes([byte]) for byte in "😀日".encode()), b"B", b"\xff", b"C")
    assert offsets(*spelled) == [0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "follows", [b"A", "é".encode(), b"\xe6", b"\xff", b"\xe6\x97\xa5"], ids=["letter", "pair", "lead", "none", "whole"]
)
def test_a_token_that_does_not_go_on_with_a_character_begins_behind_it(follows: bytes) -> None:
    assert offsets(b"a", b"\xe6\x97", follows) == [0, 1, 2]
    assert (b"a\xe6\x97" + follows).decode("utf-8", "replace")[1] == "�"


def test_a_character_that_is_the_sign_for_what_is_none_is_one() -> None:
    assert offsets(b"\xef\xbf", b"\xbd", b"a") == [0, 0, 1]


def test_a_token_of_which_the_text_has_nothing_begins_where_the_next_does() -> None:
    assert offsets(b"a", b"", b"b") == [0, 1, 1]
