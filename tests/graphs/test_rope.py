"""Rotary positions are turns of complex numbers."""

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.graphs.rope import rotate, turns
from headrace.weights.checkpoint import Rope
from tests.graphs.paged import F32
from tests.graphs.run import run

X = np.random.default_rng(0).normal(size=(1, 2, 3, 8)).astype(np.float32)
POSITIONS = np.array([[0, 5, 9000]])
FAR = np.array([[1, 700_001, 1_023_999]])
MILLION = 1_024_000


def turned(x: NDArray[np.float32], rope: Rope, positions: NDArray[np.int64] = POSITIONS) -> NDArray[np.complex128]:
    """The definition: value i of each half are one complex number, turned by its angle."""
    half = len(rope.frequencies)
    angles = positions[:, None, :, None] * np.array(rope.frequencies)
    wanted: NDArray[np.complex128] = (x[..., :half] + 1j * x[..., half : 2 * half]) * np.exp(1j * angles) * rope.scale
    return wanted


@pytest.mark.parametrize("rope", [Rope((1.0, 0.1, 0.01, 0.001)), Rope((1.0, 0.1, 0.01, 0.001), scale=1.5)])
def test_halves_are_turned_as_complex_numbers(rope: Rope) -> None:
    found = run(lambda x, p: rotate(x, turns(rope, p, 10_000), 8), X, POSITIONS)
    wanted = turned(X, rope)
    assert np.allclose(found, np.concatenate([wanted.real, wanted.imag], -1), atol=1e-5)


def test_what_frequencies_do_not_reach_stays() -> None:
    rope = Rope((1.0, 0.1))
    found = run(lambda x, p: rotate(x, turns(rope, p, 10_000), 8), X, POSITIONS)
    wanted = turned(X, rope)
    assert np.allclose(found[..., :4], np.concatenate([wanted.real, wanted.imag], -1), atol=1e-5)
    assert (found[..., 4:] == X[..., 4:]).all()


@pytest.mark.parametrize("positions", [POSITIONS, FAR])
def test_of_a_million_positions_each_is_turned_as_exactly(positions: NDArray[np.int64]) -> None:
    rope = Rope((1.0, 0.1, 0.01, 0.001), scale=1.5)
    found = run(lambda x, p: rotate(x, turns(rope, p, MILLION), 8), X, positions)
    wanted = turned(X, rope, positions)
    assert np.allclose(found, np.concatenate([wanted.real, wanted.imag], -1), atol=2e-6)


def test_a_million_positions_take_little_memory() -> None:
    positions = op.parameter([-1, -1], ov.Type.i64)
    made = turns(Rope(tuple(0.9**i for i in range(64))), positions, MILLION)
    model = ov.Model([op.result(made.cos), op.result(made.sin)], [positions])
    held = [node for node in model.get_ops() if node.get_type_name() == "Constant"]
    assert sum(node.get_byte_size() for node in held) < 4 << 20


def test_angles_have_the_same_bits_in_a_graph_for_one_token_and_in_one_for_any_number() -> None:
    rope, found = Rope(tuple(0.83**i for i in range(24))), []
    given = np.random.default_rng(1).integers(0, MILLION, (1, 50))
    for tokens in (1, -1):
        positions = op.parameter([1, tokens], ov.Type.i64)
        made = turns(rope, positions, MILLION)
        both = op.concat([made.cos, made.sin], 3)
        compiled = ov.Core().compile_model(ov.Model([op.result(both)], [positions]), "CPU", F32)
        parts = np.split(given, 50, axis=1) if tokens == 1 else [given]
        found.append(np.concatenate([compiled([part])[0] for part in parts], axis=2))
    assert np.array_equal(found[0], found[1])
