"""Inputs in their four shapes."""

from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.openai.token_inputs import read_inputs


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a", [("a", "prompt")]),
        ("", [("", "prompt")]),
        (["a", "b"], [("a", "prompt[0]"), ("b", "prompt[1]")]),
        ([1, 2], [((1, 2), "prompt")]),
        ([[1], [2, 3]], [((1,), "prompt[0]"), ((2, 3), "prompt[1]")]),
    ],
)
def test_each_shape_is_read(given: Any, found: Any) -> None:
    assert read_inputs(given, 10, "prompt", 3) == found


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ([], "prompt"),
        ([[]], "prompt[0]"),
        (["a", 1], "prompt[1]"),
        ([1, "a"], "prompt[1]"),
        (["a", [1]], "prompt[1]"),
        ([[1], 2], "prompt[1]"),
        ([1, 10], "prompt[1]"),
        ([[1], [2, -1]], "prompt[1][1]"),
        (["a"] * 4, "prompt"),
    ],
)
def test_a_mixture_or_nothing_or_too_much_is_refused(given: Any, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_inputs(given, 10, "prompt", 3)
    assert caught.value.where == where
