"""The object that is a call, character by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.tool_object import CallObject

NAMES = frozenset(("f",))


def read(*pieces: str) -> tuple[CallObject, str]:
    call, arguments = CallObject(NAMES), ""
    for piece in pieces:
        call.feed(piece)
        if call.told:
            arguments += call.take()
    return call, arguments


def test_a_call_is_told_once_its_arguments_begin() -> None:
    call = CallObject(NAMES)
    call.feed('{"name": "f", "arguments": ')
    assert not call.told
    call.feed("{")
    assert call.told and not call.is_complete


@pytest.mark.parametrize("key", ["arguments", "parameters"])
@pytest.mark.parametrize("around", ['{"type": "function", %s}', '{"id": 3, %s}', "{%s}", ' { %s , "type": null }'])
def test_keys_come_in_any_order_with_others_known(key: str, around: str) -> None:
    for inner in (f'"name": "f", "{key}": {{"a": "}}"}}', f'"{key}": {{"a": "}}"}}, "name": "f"'):
        call, arguments = read(*(around % inner))
        assert call.is_complete and call.name == "f"
        assert arguments == '{"a": "}"}'


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{x",
        '{"name" 3',
        '{"name": f',
        '{"name": "g"',
        '{"other": 1',
        '{"name": "f", "arguments": 3',
        '{"name": "f", "arguments": [',
        '{"name": "f", "arguments": nil,',
        '{"arguments": {}}',
        "{}",
        '{"type": ]',
    ],
)
def test_what_is_no_call_fails(text: str) -> None:
    assert read(*text)[0].failed
    assert read(text)[0].failed


def test_what_fails_later_ends_the_call_where_it_is() -> None:
    call, arguments = read('{"name": "f", "arguments": {"a": 1]', "} and so on")
    assert call.told and call.is_complete and not call.failed
    assert arguments == '{"a": 1]'


def test_what_follows_the_object_is_left() -> None:
    call = CallObject(NAMES)
    assert call.feed('{"name": "f"}</tool_call>') == len('{"name": "f"}')
    assert call.take() == "{}"


@given(st.text(alphabet='{}[]":,\\ anmefrgutsl1', max_size=40))
def test_any_text_is_read_alike_whole_and_in_pieces(text: str) -> None:
    (whole, all_at_once), (piecewise, one_by_one) = read('{"name": "f", ' + text), read('{"name": "f", ', *text)
    assert (whole.told, whole.failed, whole.is_complete) == (piecewise.told, piecewise.failed, piecewise.is_complete)
    assert all_at_once == one_by_one
