"""Bodies of elements beyond number are refused before they are decoded."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.elements import (
    MOST_ELEMENTS,
    MOST_NAMED,
    MOST_NESTED,
    check_elements,
    check_nested_texts,
    outside_strings,
)

JSON = st.recursive(
    st.none() | st.integers() | st.text('[]{},:"\\ab'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('[]{},:"\\ab'), inner),
)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * MOST_ELEMENTS + b"1,1]",
        b'{"a":1' + b',"a":1' * MOST_NAMED + b"}",
        b"[" + b"[]," * MOST_NESTED + b"[]]",
        b"[" + b"{}," * MOST_NESTED + b"{}]",
    ],
    ids=["numbers", "named", "arrays", "objects"],
)
def test_elements_beyond_number_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="more than 1048576 elements, 131072 of them with names, or 65536 arrays"):
        check_elements(body)


def test_what_a_text_says_is_no_element() -> None:
    check_elements(msgspec.json.encode(['\\"[{,:' * (MOST_ELEMENTS + 1)]))


def test_token_ids_of_the_longest_context_and_many_texts_pass() -> None:
    check_elements(msgspec.json.encode({"prompt": list(range(MOST_ELEMENTS))}))
    check_elements(msgspec.json.encode({"input": [[1]] * 16_384}))


@given(value=JSON, window=st.integers(1, 9))
def test_only_what_is_outside_strings_is_counted(value: Any, window: int) -> None:
    _, colons, brackets = outside_strings(msgspec.json.encode(value), window)
    assert (colons, brackets) == _counts(value)


def test_the_arguments_of_all_calls_count_together() -> None:
    half = "[" + "[]," * (MOST_NESTED // 2 - 3) + "[]]"
    check_nested_texts([half, half, '["' + "[" * MOST_NESTED + '"'], "messages")
    with pytest.raises(InvalidRequest, match=r"^messages: has calls whose arguments are of more than 65536 arrays"):
        check_nested_texts([half, half, "[[[[]]]]"], "messages")


def _counts(value: Any) -> tuple[int, int]:
    if isinstance(value, dict):
        inner, own = list(value.values()), len(value)
    elif isinstance(value, list):
        inner, own = value, 0
    else:
        return 0, 0
    counted = [_counts(each) for each in inner]
    return own + sum(each[0] for each in counted), 1 + sum(each[1] for each in counted)
