"""Of requests that were asked as one each is told and recorded as if it had been asked alone."""

from pathlib import Path

import numpy as np
import pytest

from headrace.alike import lot_of
from headrace.arrays import from_array, to_array
from headrace.gateway.bundles import Asked, Parted
from headrace.models.registry import Served
from headrace.records import RequestRecord
from headrace.types import BatchFacts, Bundle, Context, Manifest, ModelRef, ModelVersion, Request, Response, Tensor
from tests.gateway.test_gateway import Kept

VERSION = ModelVersion("m", 3)
FACTS = BatchFacts(4, 2, "idle", 0, 5)


def answer(rows: int = 4) -> Response:
    y = from_array("y", np.arange(rows * 2, dtype=np.float32).reshape(rows, 2))
    return Response(VERSION, (y,), FACTS, device_ns=100, rows=rows)


def asked(left: set[int] | None = None) -> Asked:
    """Two requests of two rows."""
    contents = [(np.full((2, 2), at, np.float32).tobytes(),) for at in range(2)]
    bundle = Bundle(["a", "b"], [10, 11], contents, left or set())
    request = Request(
        "a", ModelRef("m"), (Tensor("x", "FP32", (4, 2), b""),), context=Context(10, "grpc"), bundle=bundle
    )
    return Asked(request, bundle, Served(VERSION, Manifest("m", 3, Path("m"), "fake"), Kept()), lambda answer: None, 12)


def test_an_answer_is_cut_by_requests() -> None:
    parted = Parted(answer(), 2)
    first, second = parted.response(0), parted.response(1)
    assert to_array(first.outputs[0]).tolist() == [[0, 1], [2, 3]]
    assert to_array(second.outputs[0]).tolist() == [[4, 5], [6, 7]]
    assert (second.batch, second.rows, second.device_ns, second.model) == (FACTS, 2, 50, VERSION)


def test_outputs_without_elements_and_answers_without_outputs_are_cut_too() -> None:
    empty = Response(VERSION, (Tensor("y", "FP32", (4, 0), b""),), FACTS, rows=4)
    assert [Parted(empty, 2).response(place).outputs[0].shape for place in range(2)] == [(2, 0)] * 2
    without = Parted(Response(VERSION, (), FACTS, rows=4), 2)
    assert [without.response(place).outputs for place in range(2)] == [()] * 2


@pytest.mark.parametrize(
    "output",
    [Tensor("y", "FP32", (3, 2), bytes(24)), Tensor("y", "FP32", (), bytes(4)), Tensor("y", "BYTES", (4,), b"")],
)
def test_outputs_that_are_no_rows_of_one_size_do_not_fit(output: Tensor) -> None:
    assert not asked().fits(Response(VERSION, (output,), FACTS, rows=4))
    assert asked().fits(answer())


def requests(asked: Asked) -> list[RequestRecord]:
    """As they are told by what is recorded."""
    return list(lot_of(asked.records(answer(), 13, 20, 21)).requests)


def test_each_is_recorded() -> None:
    first, second = requests(asked())
    assert (first.id, first.arrived_ns, first.submitted_ns, first.admitted_ns) == ("a", 10, 12, 13)
    assert (second.id, second.arrived_ns, second.finished_ns, second.written_ns) == ("b", 11, 20, 21)
    assert (first.rows, first.batch, first.protocol, first.version, first.error) == (2, FACTS, "grpc", 3, "")


def test_one_whose_caller_left_is_recorded_as_that() -> None:
    first, second = requests(asked(left={0}))
    assert (first.error, first.batch, second.error) == ("cancelled", None, "")


def test_each_can_be_looked_into_with_its_own_answer() -> None:
    pairs = list(asked().one_by_one(answer()))
    assert [request.id for request, _ in pairs] == ["a", "b"]
    assert [to_array(request.inputs[0]).tolist() for request, _ in pairs] == [[[0, 0]] * 2, [[1, 1]] * 2]
    assert [to_array(response.outputs[0]).tolist() for _, response in pairs] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert all(request.bundle is None for request, _ in pairs)
