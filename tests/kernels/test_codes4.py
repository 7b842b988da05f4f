"""Matrices as 4-bit codes with a factor and a base for 32: nearly what they were, packed as the kernel reads them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.graphs.rounding import group_codes
from headrace.kernels import codes4
from headrace.kernels.codes4 import GROUP, Read, coded, integers, packed
from tests.graphs.test_linear import Matrix

Floats = NDArray[np.float32]


def unpacked(codes: NDArray[np.uint8], rows: int, width: int) -> NDArray[np.int8]:
    """The whole numbers, read from the panels one by one, as `source/product4.h` describes them."""
    panels = codes.reshape(-1, -(-width // 64), 560)
    row, column = np.indices((rows, width))
    panel, within, stretch, at = row // 16, row % 16, column // 64, column % 64
    group, i, j = at // 32, at % 32 // 4, at % 4
    code = panels[panel, stretch, i * 64 + within * 4 + j] >> (group * 4) & 15
    base = panels[panel, stretch, 512 + group * 16 + within].view(np.int8)
    factor = panels[panel, stretch, 544 + within] >> (group * 4) & 15
    found: NDArray[np.int8] = (code.astype(np.int16) * factor + base).astype(np.int8)
    return found


def reading(matrix: Floats) -> Read:
    return lambda begin, end: matrix[begin:end]


def pack(matrix: Floats) -> tuple[NDArray[np.uint8], Floats]:
    return packed(reading(matrix), *matrix.shape)


def values(rows: int, width: int, seed: int = 0) -> Floats:
    return np.random.default_rng([rows, width, seed]).normal(size=(rows, width)).astype(np.float32)


@given(st.integers(1, 70), st.integers(1, 200), st.integers(0, 2**32))
def test_what_is_packed_is_what_the_codes_mean(rows: int, width: int, seed: int) -> None:
    given_values = values(rows, width, seed)
    codes, scales = pack(given_values)
    nibbles, factors, bases, expected_scales = coded(np.pad(given_values, ((0, 0), (0, -width % 64)), mode="edge"))
    assert np.array_equal(unpacked(codes, rows, width), integers(nibbles, factors, bases)[:, :width])
    assert np.array_equal(scales, expected_scales)


def test_it_is_nearer_to_a_matrix_than_groups_of_32_with_scales_of_their_own() -> None:
    matrix = np.random.default_rng(0).standard_t(5, (200, 640)).astype(np.float32)
    codes, scales = pack(matrix)
    ours = unpacked(codes, 200, 640) * scales[:, None]
    others, their_scales = group_codes(Matrix(matrix), GROUP)
    theirs = (others * their_scales).reshape(matrix.shape)
    assert np.square(ours - matrix).mean() < 0.8 * np.square(theirs - matrix).mean()


def test_a_matrix_of_such_a_form_stays_almost_as_it_is() -> None:
    random = np.random.default_rng(0)
    least, step = random.uniform(-0.1, -0.05, (64, 10, 1)), random.uniform(0.003, 0.01, (64, 10, 1))
    matrix = (random.integers(0, 16, (64, 10, 32)) * step + least).reshape(64, 320).astype(np.float32)
    codes, scales = pack(matrix)
    off = unpacked(codes, 64, 320) * scales[:, None] - matrix
    assert np.abs(off).mean() < 0.05 * np.abs(matrix).mean()


@pytest.mark.parametrize("kind", ["zeros", "constant", "positive", "one", "huge", "tiny"])
def test_odd_matrices_are_held_as_nearly_as_codes_allow(kind: str) -> None:
    plain = values(20, 96)
    matrix = {
        "zeros": plain * 0,
        "constant": np.full_like(plain, 0.3),
        "positive": np.abs(plain),
        "one": np.where(np.arange(96) == 7, plain, 0).astype(np.float32),
        "huge": plain * 1e30,
        "tiny": plain * 1e-9,
    }[kind]
    codes, scales = pack(matrix)
    found = unpacked(codes, 20, 96) * scales[:, None]
    assert np.isfinite(found).all()
    assert np.abs(found - matrix).max() <= 0.12 * np.abs(matrix).max() + 1e-12


def test_the_size_of_a_piece_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pack(values(333, 200))
    monkeypatch.setattr(codes4, "PIECE", 1)
    pieces = pack(values(333, 200))
    assert np.array_equal(whole[0], pieces[0])
    assert np.array_equal(whole[1], pieces[1])
