"""What is cut out of a body and what is left are the body; what is left is little."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode
from headrace.protocols.oip.outline import MOST_BYTES, list_end, outlined
from headrace.protocols.oip.shapes import MAX_NAMED

ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
AWKWARD = st.text(st.sampled_from('"\\[],:data '), max_size=12) | st.just('"data":[')
DATA = st.recursive(st.lists(st.integers() | AWKWARD, max_size=9), lambda inner: st.lists(inner, max_size=4))


def whole(body: bytes, window_bytes: int = 7) -> Any:
    """The body's value, put together again."""
    outline = outlined(memoryview(body), window_bytes)
    value = outline.decoded(ANY)
    for one in value["inputs"]:
        one["data"] = ANY.decode(outline.lists.pop(b"%d" % one["data"]))
    assert not outline.lists
    return value


@given(st.lists(st.tuples(AWKWARD, DATA), max_size=4), AWKWARD, st.sampled_from([None, 0, 3]))
def test_no_string_leads_it_astray(inputs: list[tuple[str, list[Any]]], id_: str, indent: int | None) -> None:
    value = {"id": id_, "inputs": [{"name": name, "data": data, f"_{id_}": 1} for name, data in inputs]}
    json = msgspec.json.encode(value)
    assert whole(json if indent is None else msgspec.json.format(json, indent=indent)) == value


@given(DATA, st.binary(max_size=9))
def test_a_list_ends_where_it_ends(data: list[Any], behind: bytes) -> None:
    json = msgspec.json.encode(data)
    assert list_end(memoryview(b" " + json + behind), 1, window_bytes=7) == 1 + len(json)


@pytest.mark.parametrize("element", [b"1.25", b'"a]\\"["', b"[1,2,3]"])
def test_what_is_left_of_a_long_body_is_little(element: bytes) -> None:
    body = b'{"inputs":[{"name":"x","data":[' + b",".join([element] * 300_000) + b']}],"id":"1"}'
    outline = outlined(memoryview(body))
    assert bytes(outline.json) == b'{"inputs":[{"name":"x","data":0}],"id":"1"}'
    assert outline.lists[b"0"] == body[30:-12]


def test_what_is_wrong_is_told_by_its_place_in_the_body() -> None:
    body = b'{"inputs":[{"data":[1,2,3]},{"data":["a"]},x]}'
    with pytest.raises(InvalidRequest) as whole:
        decode(ANY, body)
    with pytest.raises(InvalidRequest) as cut:
        outlined(memoryview(body)).decoded(ANY)
    assert str(cut.value) == str(whole.value) == f"not JSON: invalid character (byte {body.index(b'x')})"


@pytest.mark.parametrize("data", [b"[1,2", b'["a]"', b'["a\\"]', b"[[1]"])
def test_a_list_without_an_end_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not JSON: it ends too early"):
        outlined(memoryview(b'{"inputs":[{"data":' + data), window_bytes=4)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"inputs":[{"data":"' + b"a" * MOST_BYTES + b'"}]}', f"the body has over {MOST_BYTES} bytes beside"),
        (
            b'{"inputs":[{"data":[1]}],"id":"' + b"a" * MOST_BYTES + b'"}',
            f"the body has over {MOST_BYTES} bytes beside",
        ),
        (b'{"parameters":{' + b",".join([b'"":1'] * 200_000) + b"}}", "the body is of more than"),
    ],
)
def test_what_would_take_long_to_decode_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        outlined(memoryview(body))


def test_of_more_lists_than_there_may_be_inputs_the_rest_is_left() -> None:
    outline = outlined(memoryview(b'{"inputs":[' + b",".join([b'{"data":[1]}'] * (MAX_NAMED + 9)) + b"]}"))
    assert len(outline.decoded(ANY)["inputs"]) == MAX_NAMED + 9
