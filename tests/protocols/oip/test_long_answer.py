"""Which answers are written on a thread, and that they outlast the model's memory."""

import pytest

from headrace.protocols.oip.long_answer import LONG_BYTES, LONG_PACKED_BYTES, lasting, takes_long
from headrace.protocols.oip.shared_tensors import Place
from headrace.protocols.oip.wanted import Classes, Wanted, WantedOutput
from headrace.types import ModelVersion, Response, Tensor

AS_JSON = Wanted(None, False, {})
BINARY = Wanted(None, True, {})
SHARED = Wanted(None, False, {"y": WantedOutput("", False, None, Place("r", 0, 8))})
CLASSES = Wanted(None, True, {"y": WantedOutput("", True, Classes(1, (), True))})


def answer(size: int) -> Response:
    return Response(ModelVersion("m", 1), (Tensor("y", "UINT8", (size,), memoryview(bytearray(size))),), None)


@pytest.mark.parametrize(
    ("size", "wanted", "packed", "long"),
    [
        (LONG_BYTES, AS_JSON, False, False),
        (LONG_BYTES + 1, AS_JSON, False, True),
        (LONG_BYTES + 1, BINARY, False, False),
        (LONG_BYTES + 1, SHARED, False, False),
        (LONG_BYTES + 1, CLASSES, False, True),
        (LONG_BYTES // 4, AS_JSON, True, False),
        (LONG_BYTES // 4 + 1, AS_JSON, True, True),
        (LONG_PACKED_BYTES, BINARY, True, False),
        (LONG_PACKED_BYTES + 1, BINARY, True, True),
    ],
)
def test_what_is_made_of_its_tensors_says_whether_it_takes_long(
    size: int, wanted: Wanted, packed: bool, long: bool
) -> None:
    assert takes_long(answer(size), wanted, packed) is long


def test_it_outlasts_the_memory_that_it_was_in() -> None:
    memory = bytearray(b"ab")
    kept = lasting(Response(ModelVersion("m", 1), (Tensor("y", "UINT8", (2,), memoryview(memory)),), None))
    memory[:] = b"xy"
    assert kept.outputs == (Tensor("y", "UINT8", (2,), b"ab"),)
