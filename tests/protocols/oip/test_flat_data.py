"""What is read piece by piece is what is read in one go: that is the slow, obvious version."""

import random
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode
from headrace.protocols.oip.flat_data import LongText, read_flat

TEXTS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[str])
NUMBERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[float])
WHOLE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[int])
SPACES = ["", " ", "\t", "\n ", "  \r\n"]


def read(decoder: msgspec.json.Decoder[Any], data: bytes) -> list[Any]:
    pieces = read_flat(decoder, memoryview(data), "d", texts=decoder is TEXTS, piece_bytes=32)
    return [whole(value) for value in chain.from_iterable(pieces)]


def whole(value: Any) -> Any:
    return b"".join(value.utf8).decode() if isinstance(value, LongText) else value


def spaced(elements: list[str], draw: random.Random) -> bytes:
    """A JSON list of these, with white space wherever that may be."""

    def space() -> str:
        return draw.choice(SPACES)

    return f"{space()}[{','.join(f'{space()}{each}{space()}' for each in elements)}]".encode()


AWKWARD = st.text(st.sampled_from('",\\ [ax\u00e9\t'), max_size=12) | st.text(max_size=100)


@given(st.lists(AWKWARD, max_size=60), st.randoms())
def test_strings_are_what_they_are_in_one_go(texts: list[str], draw: random.Random) -> None:
    assert read(TEXTS, spaced([msgspec.json.encode(text).decode() for text in texts], draw)) == texts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60), st.randoms())
def test_numbers_are_what_they_are_in_one_go(numbers: list[float], draw: random.Random) -> None:
    assert read(NUMBERS, spaced([msgspec.json.encode(number).decode() for number in numbers], draw)) == numbers


@given(st.lists(st.integers(-5, 5) | st.just("x") | st.lists(st.integers(), max_size=3), max_size=60))
def test_what_is_wrong_is_told_as_in_one_go(values: list[Any]) -> None:
    data = msgspec.json.encode(values)
    for decoder in (WHOLE, TEXTS):
        try:
            expected = decode(decoder, data, "d")
        except InvalidRequest as error:
            with pytest.raises(InvalidRequest) as raised:
                read(decoder, data)
            assert str(raised.value) == str(error)
        else:
            assert read(decoder, data) == expected


def test_what_is_no_utf8_is_told() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        read(TEXTS, b'["' + b'a","' * 100 + b'\xff"]')


def test_a_long_string_is_one_piece_and_a_long_list_is_many() -> None:
    data = msgspec.json.encode(["a" * 1000, *["b"] * 100])
    pieces = list(read_flat(TEXTS, data, "d", texts=True, piece_bytes=32))
    assert len(pieces) > 10
    assert pieces[0] == [LongText([b"a" * 1000])]
    assert list(chain.from_iterable(pieces[1:])) == ["b"] * 100


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'["' + b"a" * 1000 + b'",]', "not JSON: trailing comma in array"),
        (b'["' + b"a" * 1000 + b'"x]', r"not JSON: expected ',' or '\]' \(byte 1003\)"),
        (b'["' + b"a" * 1000 + b"]", "not JSON: it ends too early"),
        (b'["a",' * 20 + b"x" * 9000 + b"]", "not JSON|expected a string"),
        (b'["a",' + b"1" * 9000 + b"]", r"d\[1\]: expected a string, got a number"),
    ],
)
def test_what_is_wrong_with_a_long_string_is_told(data: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read(TEXTS, data)


def test_a_comma_behind_the_last_number_is_told_however_far_the_end_is() -> None:
    with pytest.raises(InvalidRequest, match="not JSON: trailing comma in array"):
        read(WHOLE, b"[1," + b" " * 1000 + b"]")


def test_what_is_between_commas_is_not_long() -> None:
    with pytest.raises(InvalidRequest, match=r"d\[1\]: is longer than"):
        read(WHOLE, b"[1,2" + b" " * 9000 + b"]")
    assert read(WHOLE, b"[1,2" + b" " * 1000 + b"]") == [1, 2]
