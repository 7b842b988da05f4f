"""Strings go to libraries as text and come back as bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InputRefused
from headrace.runtimes.text import decoded, encoded


def strings(*elements: bytes) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


@given(st.lists(st.text()))
def test_text_goes_there_and_back(texts: list[str]) -> None:
    there = decoded("x", strings(*(text.encode() for text in texts)))
    assert there.tolist() == texts
    assert encoded(there).tolist() == [text.encode() for text in texts]


def test_the_shape_stays() -> None:
    assert decoded("x", strings(b"a", b"b").reshape(2, 1)).shape == (2, 1)


def test_the_first_element_that_is_not_utf8_is_named() -> None:
    with pytest.raises(InputRefused, match=r"x: element 1 is not UTF-8 \(byte 0x80 at 1\)"):
        decoded("x", strings(b"fine", b"a\x80", b"\xff"))
