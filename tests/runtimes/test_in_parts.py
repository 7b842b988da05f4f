"""Rows beyond the largest run are computed in parts, as if somebody had cut the request and joined the answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InputRefused
from headrace.runtimes.in_parts import InParts
from headrace.runtimes.runtime import Arrays
from headrace.types import TensorSpec


class Doubling:
    """Doubles each row, and notes of how many rows its runs were."""

    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", "FP32", (-1, 2)),)
    outputs: tuple[TensorSpec, ...] = inputs
    platform = runtime = "fake"
    coarse = False

    def __init__(self) -> None:
        self.ran: list[int] = []

    def run(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        self.ran.append(len(arrays["x"]))
        return {"x": arrays["x"] * 2, "y": arrays["x"][:, 0]}

    def close(self) -> None:
        self.ran.append(-1)


class Ragged(Doubling):
    """Its output is as wide as its run has rows."""

    def run(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        return {"x": np.zeros((len(arrays["x"]), len(arrays["x"])))}


@given(st.integers(1, 40), st.integers(1, 40))
def test_the_answer_is_that_of_one_run(rows: int, most: int) -> None:
    model = Doubling()
    x = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    results = InParts(model, most).run({"x": x}, ())
    assert np.array_equal(results["x"], x * 2)
    assert np.array_equal(results["y"], x[:, 0])
    assert sum(model.ran) == rows
    assert max(model.ran) <= most
    assert len(model.ran) == -(-rows // most)


def test_parts_that_do_not_fit_together_are_refused_with_their_shapes() -> None:
    with pytest.raises(InputRefused, match=r"'x' of runs of 4 rows differs in shape: \[2\], \[4\]; ask for that many"):
        InParts(Ragged(), 4).run({"x": np.zeros((6, 2), np.float32)}, ())


def test_it_is_told_of_as_the_model_is_and_closed_with_it() -> None:
    model = Doubling()
    whole = InParts(model, 4)
    assert (whole.inputs, whole.outputs, whole.platform, whole.runtime) == (model.inputs, model.outputs, "fake", "fake")
    assert not whole.coarse
    whole.close()
    assert model.ran == [-1]
