"""Rotary positions are turns of complex numbers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.graphs.rope import rotate, turns
from headrace.weights.checkpoint import Rope
from tests.graphs.run import run

X = np.random.default_rng(0).normal(size=(1, 2, 3, 8)).astype(np.float32)
POSITIONS = np.array([[0, 5, 9000]])


def turned(x: NDArray[np.float32], rope: Rope) -> NDArray[np.complex128]:
    """The definition: value i of each half are one complex number, turned by its angle."""
    half = len(rope.frequencies)
    angles = POSITIONS[:, None, :, None] * np.array(rope.frequencies)
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
