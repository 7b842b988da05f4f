"""What is wrong with a JSON body is said where it is."""

import json
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode


class _Item(msgspec.Struct):
    name: str
    sizes: tuple[int, ...]


class _Body(msgspec.Struct):
    items: list[_Item]
    value: bool | int | float | str = 0


DECODER = msgspec.json.Decoder(_Body)
HALF, WHY = "half of a surrogate pair stands alone", "(a character was cut in two)"


def test_a_right_body_is_decoded_and_unknown_keys_are_ignored() -> None:
    assert decode(DECODER, b'{"items":[{"name":"a","sizes":[1]}],"other":{}}').items[0].sizes == (1,)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"items":[{"name":"a","sizes":[1,"2"]}]}', "items[0].sizes[1]: expected an integer, got a string"),
        (b'{"items":[{"name":"a"}]}', "items[0].sizes: is missing"),
        (b"{}", "items: is missing"),
        (b"[]", "expected an object, got an array"),
        (b'{"items":null}', "items: expected an array, got null"),
        (b'{"items":[],"value":null}', "value: expected true or false or an integer or a number or a string, got null"),
        (b"", "not JSON: it ends too early"),
        (b'{"items":NaN}', "not JSON: invalid character (byte 9)"),
        (b'{"items":[{"name":"\xff"}]}', "not UTF-8: invalid start byte at byte 0 of a string"),
        (rb'{"x":"cut \ud83d"}', f"not Unicode: {HALF} before byte 16 {WHY}"),
        (rb'{"x":"cut \ud83d and on"}', f"not Unicode: {HALF} before byte 16 {WHY}"),
        (rb'{"x":"cut \udc00"}', f"not Unicode: {HALF} before byte 16 {WHY}"),
        (rb'{"x":"cut \ud83d\ud83d"}', f"not Unicode: {HALF} before byte 22 {WHY}"),
        (rb'{"x":"cut \ud83d\ude', "not JSON: it ends too early"),
        (rb'{"x":"cut \ud83d', "not JSON: it ends too early"),
        (rb'{"x":"cut \\ud83d"', "not JSON: it ends too early"),
        (b'{"x":' + b"[" * 100_000, "the JSON is nested too deep"),
        (b'{"items":[{"name":"a","sizes":[1e999]}]}', "items[0].sizes[0]: Number out of range"),
    ],
)
def test_a_wrong_body_is_refused_with_the_path_and_what_is_expected(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode(DECODER, body)
    assert str(refusal.value) == message


class _Timed(msgspec.Struct):
    seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.0


def test_a_number_out_of_bounds_is_told_which_and_where() -> None:
    with pytest.raises(InvalidRequest, match=r"^seconds: must be at most 60$"):
        decode(msgspec.json.Decoder(_Timed), b'{"seconds": 61}')


class _Named(msgspec.Struct):
    effort: Literal["low", "high"] | None = None
    type: Literal["object"] = "object"
    inner: "list[_Named] | None" = None
    sizes: dict[str, int] = {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"effort":"zz"}', "effort: must be high or low, not 'zz'"),
        (b'{"inner":[{"type":"zz"}]}', "inner[0].type: must be object, not 'zz'"),
        (b'{"effort":"%b"}' % (b"z" * 9999), f"effort: must be high or low, not '{'z' * 63}"),
        (b'{"inner":[{"sizes":{"a":1,"b":"2","c":"3"}}]}', "inner[0].sizes.b: expected an integer, got a string"),
        (b'{"sizes":{"b":null},"sizes":1}', "sizes[...]: expected an integer, got null"),
        (b'{"sizes":{"b":null}', "sizes[...]: expected an integer, got null"),
        (b'{"sizes":{"b":null}}' + b" " * 65_536, "sizes[...]: expected an integer, got null"),
    ],
)
def test_what_would_be_right_is_named_and_so_is_the_entry_that_is_not(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode(msgspec.json.Decoder(_Named), body)
    assert str(refusal.value) == message


def test_the_path_continues_that_of_the_body() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode(msgspec.json.Decoder(list[int]), b"[1,true]", "inputs[0].data")
    assert str(refusal.value) == "inputs[0].data[1]: expected an integer, got true or false"


@given(st.lists(st.sampled_from([r"\ud83d", r"\ude00", r"\u0041", r"\\", r"\n", "a", "u", "é"]), max_size=8))
def test_of_whole_json_only_surrogates_that_stand_alone_are_refused(pieces: list[str]) -> None:
    body = '{"items":[],"value":"' + "".join(pieces) + '"}'
    value = json.loads(body)["value"]
    if any("\ud800" <= each <= "\udfff" for each in value):
        for each in (body, body.replace("value", "other")):
            with pytest.raises(InvalidRequest, match=HALF):
                decode(DECODER, each.encode())
    else:
        assert decode(DECODER, body.encode()).value == value


@given(st.binary(max_size=100))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    try:
        decode(DECODER, body)
    except InvalidRequest as refusal:
        assert refusal.message


class _Gates(msgspec.Struct, forbid_unknown_fields=True):
    errors: float | None = None
    p99_ratio: float | None = None


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    version: str = ""
    gates: _Gates | None = None


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


MANY = msgspec.defstruct("Many", [(f"x{number}", int, 0) for number in range(17)], forbid_unknown_fields=True)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (_Strict, b'{"vers":"3"}', "vers: is not known here; did you mean 'version'?"),
        (_Strict, b'{"gates":{"foo":1}}', "gates.foo: is not known here; known: errors, p99_ratio"),
        (_Nothing, b'{"foo":1}', "foo: is not known here"),
        (MANY, b'{"foo":1}', "foo: is not known here"),
        (_Strict, b'{"%b":1}' % (b"z" * 9999), f"{'z' * 64}: is not known here; known: version, gates"),
    ],
)
def test_an_unknown_field_is_named_with_what_would_be_right(kind: type, body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode(msgspec.json.Decoder(kind), body, "")
    assert str(refusal.value) == message


def test_an_unknown_field_of_a_part_of_a_body_is_told_with_the_whole_path() -> None:
    with pytest.raises(InvalidRequest, match=r"^parameters\.gates\.foo: is not known here; known: errors, p99_ratio$"):
        decode(msgspec.json.Decoder(_Strict), b'{"gates":{"foo":1}}', "parameters")
