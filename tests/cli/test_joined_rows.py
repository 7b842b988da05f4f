"""Rows of captured requests are joined where they belong together one by one, and else nothing is."""

from typing import Any

import numpy as np
import pytest

from headrace.arrays import from_array, join_bytes
from headrace.cli.captured import Captured, Text
from headrace.cli.failure import Failure
from headrace.cli.joined_rows import joined_rows
from headrace.types import Tensor

IN_COMPANY = 8
"""Rows of a run of a model that is batched."""


def request(x: Any, *answers: Tensor, id_: str = "r", rows: int = IN_COMPANY) -> Captured:
    given = x if isinstance(x, Tensor) else from_array("x", np.asarray(x, np.float32))
    return Captured(1, 1, id_, 1.0, rows, (given,), answers)


def y(rows: Any, name: str = "y") -> Tensor:
    return from_array(name, np.asarray(rows, np.float32))


def texts(*elements: bytes) -> Tensor:
    return Tensor("x", "BYTES", (len(elements),), join_bytes(elements))


def refusal(*found: Captured) -> str:
    with pytest.raises(Failure, match=r"; \.npz has rows joined, export to \.jsonl$") as refused:
        joined_rows(found)
    return str(refused.value).partition(";")[0]


def test_each_row_stands_beside_its_answer() -> None:
    joined = joined_rows([request([[1], [2]], y([[10], [20]])), request([[3]], y([[30]]))])
    assert {name: array.tolist() for name, array in joined.items()} == {
        "in:x": [[1], [2], [3]],
        "out:y": [[10], [20], [30]],
    }


def test_scalars_are_a_row_each() -> None:
    joined = joined_rows([request(number, y(number), rows=1) for number in (1, 2)])
    assert {name: array.tolist() for name, array in joined.items()} == {"in:x": [1, 2], "out:y": [1, 2]}


@pytest.mark.parametrize("turned", [False, True])
def test_an_output_that_some_did_not_ask_for_is_named(turned: bool) -> None:
    found = [request([[1]], y([[1]]), y([[1]], "z"), id_="a"), request([[1]], y([[1]]), id_="b")]
    assert refusal(*(found[::-1] if turned else found)) == "request 'a' has out:z, and request 'b' has not"


def test_tensors_of_several_numbers_of_rows_are_named() -> None:
    assert refusal(request([[1], [2]], y([[1]]))) == "request 'r' has 2 rows of in:x and 1 of out:y"


def test_what_a_model_that_is_not_batched_was_given_is_not_taken_apart() -> None:
    told = refusal(request([[1]], y([[1]]), rows=1), request([[1], [2]], y([[1], [2]]), id_="b", rows=1))
    assert told == "in:x of request 'b' has 2 rows that are one thing: the model is not batched"


@pytest.mark.parametrize(
    ("other", "form"),
    [
        (y([[1, 2]], "x"), "FP32 [2]"),
        (from_array("x", np.ones((1, 1), np.int64)), "INT64 [1]"),
        (y(1, "x"), "FP32 scalars"),
    ],
)
def test_rows_of_several_kinds_are_named(other: Tensor, form: str) -> None:
    told = refusal(request([[1]], y([[1]]), id_="a"), request(other, y([[1]]), id_="b"))
    assert told == f"rows of in:x are FP32 [1] in request 'a' and {form} in request 'b'"


def test_texts_are_kept_to_the_last_byte_or_refused() -> None:
    assert joined_rows([request(texts(b"a", b"\0bc")), request(texts(b""))])["in:x"].tolist() == [b"a", b"\0bc", b""]
    assert "in:x of request 'r' has a text that ends in a zero byte" in refusal(request(texts(b"a", b"b\0")))


def test_what_a_language_model_wrote_is_no_array() -> None:
    assert refusal(Captured(1, 1, "r", 1.0, 1, (), (), Text({}, ()))) == "texts are no arrays"
