"""Nested data made flat is what it is nested; what is nested otherwise is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.oip.nested_data import flattened

AWKWARD = st.text(st.sampled_from('"\\[], a'), max_size=6)
SHAPES = st.lists(st.integers(0, 4), min_size=2, max_size=4).map(tuple)


def flat(data: bytes, shape: tuple[int, ...], window_bytes: int = 5) -> Any:
    made = flattened(memoryview(data), shape, "d", window_bytes)
    assert len(made) == len(data)
    return json.loads(made)


@given(SHAPES, st.data(), st.sampled_from([None, 0, 3]))
def test_what_is_nested_as_its_shape_says_is_flat(shape: tuple[int, ...], data: st.DataObject, indent: int) -> None:
    elements = data.draw(st.lists(AWKWARD | st.integers(), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    nested = np.array([*elements, None], object)[:-1].reshape(shape).tolist()
    written = json.dumps(nested, indent=indent).encode()
    if elements:
        assert flat(written, shape) == elements
    else:
        flattened(memoryview(written), shape, "d", 5)


@pytest.mark.parametrize(
    "data",
    [
        b"[[1,2],[3]]",
        b"[[1,2],[3,4,5]]",
        b"[[1,2],[3,4],[5,6]]",
        b"[[1,2]]",
        b"[[1,2],3,4]",
        b"[1[,2],[3,4]]",
        b"[[1,2],[3,]4]",
        b"[[1,2],[3,4]]5",
        b"[[1,2][,3,4]]",
        b"[[[1,2],[3,4]]]",
        b"[1,2,3,4]",
    ],
)
def test_what_is_nested_otherwise_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="data is not nested as shape"):
        flattened(memoryview(data), (2, 2), "d")


@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (1, 1, 0)])
def test_where_there_is_no_element_there_may_be_no_value(shape: tuple[int, ...]) -> None:
    data = np.empty(shape).tolist()
    flattened(memoryview(json.dumps(data).encode()), shape, "d")
    with pytest.raises(InvalidRequest):
        flattened(memoryview(json.dumps(data).replace("[]", "[1]").encode()), shape, "d")


@pytest.mark.parametrize("shape", [(3, 40_000), (40_000, 3), (2, 3, 20_000), (120_000, 1), (1, 120_000)])
def test_rows_of_any_length_are_followed(shape: tuple[int, ...]) -> None:
    written = json.dumps(np.arange(120_000).reshape(shape).tolist()).encode()
    assert flat(written, shape, 1 << 16) == list(range(120_000))
    with pytest.raises(InvalidRequest):
        flattened(memoryview(written), (*shape[:-1], shape[-1] + 1), "d")
