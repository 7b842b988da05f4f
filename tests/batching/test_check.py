"""What is wrong with a request, in words that name the field."""

import numpy as np
import pytest

from headrace.arrays import from_array
from headrace.batching.check import Check
from headrace.errors import InvalidRequest
from headrace.types import FREE, BatchAxis, ModelRef, Request, Signature, Tensor, TensorSpec
from tests.fakes import request, signature


def two_inputs(optional: bool = False) -> Signature:
    specs = (TensorSpec("a", "FP32", (FREE, FREE)), TensorSpec("b", "INT64", (FREE,), optional=optional))
    return Signature(specs, (TensorSpec("y", "FP32", (FREE,)),), BatchAxis(True, 4), "fake", "fake")


def asked(*tensors: Tensor, outputs: tuple[str, ...] = ()) -> Request:
    return Request("", ModelRef("m"), tensors, outputs)


A = from_array("a", np.zeros((2, 3), np.float32))
B = from_array("b", np.zeros(2, np.int64))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (asked(A), "inputs: missing: 'b'"),
        (asked(A, B, from_array("c", np.zeros(2))), "inputs[2].name: the model has no input 'c'; it has a, b"),
        (asked(A, A), "inputs[1].name: input 'a' is given twice"),
        (asked(from_array("a", np.zeros((2, 3))), B), "inputs[0].datatype: input 'a' takes FP32, not FP64"),
        (
            asked(from_array("a", np.zeros(2, np.float32)), B),
            "inputs[0].shape: input 'a' takes [any, any], not [2]",
        ),
        (
            asked(A, from_array("b", np.zeros(3, np.int64))),
            "inputs[1].shape: has 3 rows where inputs[0] has 2; all inputs have the same",
        ),
        (asked(A, B, outputs=("z",)), "outputs[0].name: the model has no output 'z'; it has y"),
    ],
)
def test_a_fault_is_told_with_its_field_and_what_would_be_right(given: Request, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Check(two_inputs())(given)
    assert str(caught.value) == message


@pytest.mark.parametrize("rows", [0, 5])
def test_rows_out_of_range_are_refused_with_the_limit(rows: int) -> None:
    with pytest.raises(InvalidRequest, match=f"has {rows} rows; a request may have 1 to 4"):
        Check(signature())(request(np.zeros((rows, 2))))


def test_a_fixed_dimension_forbids_zero() -> None:
    with pytest.raises(InvalidRequest, match=r"takes \[any, 2\], not \[1, 0\]"):
        Check(signature())(request(np.zeros((1, 0))))


def test_a_free_dimension_may_be_zero() -> None:
    assert Check(signature((FREE, FREE)))(request(np.zeros((1, 0)))).rows == 1


def test_rows_of_a_model_with_one_shape_all_share_a_key() -> None:
    check = Check(signature())
    assert check(request([[1, 2]])).key == check(request([[1, 2], [3, 4]])).key == ()


def test_rows_of_other_shape_have_another_key() -> None:
    check = Check(signature((FREE, FREE)))
    assert check(request([[1, 2]])).key == check(request([[3, 4], [5, 6]])).key
    assert check(request([[1, 2]])).key != check(request([[1, 2, 3]])).key


def test_a_request_without_an_optional_input_shares_no_run_with_one_that_has_it() -> None:
    check = Check(two_inputs(optional=True))
    assert check(asked(A)).key != check(asked(A, B)).key


def test_the_order_of_inputs_does_not_matter() -> None:
    check = Check(two_inputs())
    assert check(asked(A, B)) == check(asked(B, A))
