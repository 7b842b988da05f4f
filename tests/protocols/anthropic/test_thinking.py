"""Thinking is asked for with a budget, and told in a block that is signed."""

import base64
import hashlib

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.anthropic.thinking import ThinkingBlock, ThinkingField, thinking_json, thinking_of
from tests.fakes_generation import CHAT, THINKER


def test_a_block_grows_and_is_signed_by_all_of_it() -> None:
    block = ThinkingBlock(omitted=False)
    assert [block.add(piece) for piece in ("a", "b")] == ["a", "b"]
    assert base64.b64decode(block.signature()) == hashlib.sha256(b"ab").digest()


def test_thoughts_that_are_omitted_are_signed_all_the_same() -> None:
    told, omitted = (thinking_json("ab", omitted=omitted)[0] for omitted in (False, True))
    assert (told["thinking"], omitted["thinking"]) == ("ab", "")
    assert told["signature"] == omitted["signature"]
    assert thinking_json("", omitted=False) == []


def test_who_says_nothing_leaves_a_model_as_it_is_where_it_does_not_think() -> None:
    assert thinking_of(None, "", CHAT, 9).on is None
    assert thinking_of(None, "", THINKER, 9).on is False
    assert thinking_of(ThinkingField(type="disabled"), "", CHAT, 9).on is False


def test_a_budget_needs_no_limit_to_be_counted_by() -> None:
    asked = ThinkingField(type="enabled", budget_tokens=1024)
    assert thinking_of(asked, "", THINKER, None).max_tokens == 1024
    with pytest.raises(InvalidRequest):
        thinking_of(asked, "", THINKER, 1024)
