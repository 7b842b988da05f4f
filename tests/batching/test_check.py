"""What is wrong with a request, in words that name the field."""

import msgspec
import numpy as np
import pytest

from headrace.arrays import from_array
from headrace.batching.check import Check
from headrace.errors import InvalidRequest
from headrace.types import FREE, BatchAxis, ModelRef, PadAxis, Request, Signature, Tensor, TensorSpec
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
            "inputs[1].shape: has 3 rows where inputs[0] has 2; all inputs have the same, unless the model has "
            "`batching = false`",
        ),
        (asked(A, B, outputs=("z",)), "outputs[0].name: the model has no output 'z'; it has y"),
    ],
)
def test_a_fault_is_told_with_its_field_and_what_would_be_right(given: Request, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Check(two_inputs())(given)
    assert str(caught.value) == message


def test_where_the_file_says_no_shape_the_refusal_says_where_to_say_it() -> None:
    specs = (TensorSpec("a", "FP32", ()),)
    with pytest.raises(
        InvalidRequest, match=r"takes a scalar \(.* say it in model\.toml, under inputs\), not \[2, 3\]"
    ):
        Check(Signature(specs, (), BatchAxis(False, 1), "fake", "fake"))(asked(A))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (0, "has 0 rows; a request may have 1 to 4"),
        (5, "has 5 rows; a request may have 1 to 4 (its batching.max_size allows more)"),
    ],
)
def test_rows_out_of_range_are_refused_with_the_limit(rows: int, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Check(signature())(request(np.zeros((rows, 2))))
    assert str(refusal.value) == f"inputs[0].shape: {message}"


def test_a_request_may_have_more_rows_than_a_run_where_it_is_run_in_parts() -> None:
    in_parts = msgspec.structs.replace(signature(), batch=BatchAxis(True, 4, most_rows=5000))
    assert Check(in_parts)(request(np.zeros((5000, 2)))).rows == 5000
    with pytest.raises(InvalidRequest, match="may have 1 to 5,000 "):
        Check(in_parts)(request(np.zeros((5001, 2))))


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


def test_an_optional_input_does_not_stand_in_for_one_that_is_missing() -> None:
    with pytest.raises(InvalidRequest, match="inputs: missing: 'a'"):
        Check(two_inputs(optional=True))(asked(B))


@pytest.mark.parametrize("batched", [False, True])
def test_a_model_whose_inputs_are_all_optional_may_be_asked_without_any_unless_rows_are_joined(batched: bool) -> None:
    spec = TensorSpec("a", "FP32", (FREE, 2), optional=True)
    check = Check(Signature((spec,), (), BatchAxis(batched, 4), "fake", "fake"))
    if batched:
        with pytest.raises(InvalidRequest, match="inputs: are none; one at least has to say how many rows there are"):
            check(asked())
    else:
        assert check(asked()) == (1, (), 0)


def test_the_order_of_inputs_does_not_matter() -> None:
    check = Check(two_inputs())
    assert check(asked(A, B)) == check(asked(B, A))


def tokens(**lengths: int) -> Request:
    return asked(*[from_array(name, np.zeros((1, length), np.int64)) for name, length in lengths.items()])


def padded(mask: str = "", lengths: tuple[int, int] | None = None, *, packed: bool = False) -> Check:
    """A model of ids and mask, as long as each other, and an optional input that is filled up with them."""
    specs = tuple(
        TensorSpec(name, "INT64", (FREE, FREE), optional=name == "types") for name in ("ids", "mask", "types")
    )
    pad = PadAxis(1, {"ids": 0, "mask": 0, "types": 0}, mask=mask, lengths=lengths, packed=packed)
    axis = BatchAxis(True, 4, pad=pad)
    return Check(Signature(specs, (TensorSpec("y", "FP32", (FREE,)),), axis, "fake", "fake"))


def test_rows_of_several_lengths_share_a_key_where_they_are_filled_up() -> None:
    check = padded()
    short, long = check(tokens(ids=3, mask=3)), check(tokens(ids=9, mask=9))
    assert short.key == long.key
    assert (short.length, long.length) == (3, 9)


def test_the_length_of_a_row_that_is_not_filled_up_is_what_it_holds_and_0_where_all_are_alike() -> None:
    assert Check(signature((FREE, FREE)))(request([[1, 2], [3, 4]])).length == 2
    assert Check(signature((FREE, 2)))(request([[1, 2]])).length == 0


def test_what_is_given_besides_still_keeps_requests_apart() -> None:
    check = padded()
    assert check(tokens(ids=3, mask=3)).key != check(tokens(ids=3, mask=3, types=3)).key


def test_inputs_of_different_lengths_share_a_run_with_their_like_only() -> None:
    check = padded()
    odd = check(tokens(ids=3, mask=1))
    assert odd.length == 3
    assert odd.key == check(tokens(ids=3, mask=1)).key
    assert odd.key not in (check(tokens(ids=3, mask=3)).key, check(tokens(ids=4, mask=1)).key)


def test_what_is_longer_than_a_model_takes_is_refused_where_its_rows_are_packed() -> None:
    check = padded(lengths=(1, 512), packed=True)
    assert check(tokens(ids=512, mask=512)).length == 512
    with pytest.raises(InvalidRequest, match="has 513 along axis 1, the model takes up to 512") as refused:
        check(tokens(mask=1, ids=513))
    assert refused.value.where == "inputs[1].shape"


def test_rows_of_no_length_are_never_filled_up() -> None:
    check = padded()
    assert check(tokens(ids=0, mask=0)).key != check(tokens(ids=3, mask=3)).key


def test_rows_of_lengths_that_were_not_tried_share_a_run_with_their_like_only() -> None:
    check = padded(lengths=(2, 8))
    assert check(tokens(ids=2, mask=2)).key == check(tokens(ids=8, mask=8)).key
    for length in (1, 9):
        odd = check(tokens(ids=length, mask=length))
        assert odd.length == length
        assert odd.key == check(tokens(ids=length, mask=length)).key
        assert odd.key not in (check(tokens(ids=8, mask=8)).key, check(tokens(ids=10, mask=10)).key)


def test_where_the_mask_is_not_given_nothing_is_filled_up() -> None:
    check = padded(mask="types")
    assert check(tokens(ids=3, mask=3)).key != check(tokens(ids=4, mask=4)).key
    assert check(tokens(ids=3, mask=3, types=3)).key == check(tokens(ids=4, mask=4, types=4)).key


def test_a_model_whose_rows_differ_in_length_alone_has_one_key() -> None:
    specs = (TensorSpec("x", "FP32", (FREE, FREE, 2)),)
    axis = BatchAxis(True, 4, pad=PadAxis(1, {"x": 0}))
    check = Check(Signature(specs, (TensorSpec("y", "FP32", (FREE,)),), axis, "fake", "fake"))
    assert check(asked(from_array("x", np.zeros((1, 5, 2), np.float32)))) == (1, (), 5)
