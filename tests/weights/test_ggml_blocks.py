"""Blocks come apart into codes, scales and offsets. That these make the reference's values, test_ggml_types.py says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.weights.ggml_blocks import Unpacked
from headrace.weights.ggml_types import KINDS
from tests.weights.files import random_blocks

CODES = {
    "Q4_0": (0, 15),
    "Q4_1": (0, 15),
    "Q5_0": (0, 31),
    "Q5_1": (0, 31),
    "Q8_0": (-128, 127),
    "Q2_K": (0, 3),
    "Q3_K": (-4, 3),
    "Q4_K": (0, 15),
    "Q5_K": (0, 31),
    "Q6_K": (-32, 31),
    "IQ4_NL": (-127, 113),
    "IQ4_XS": (-127, 113),
    "MXFP4": (-12, 12),
}
"""The lowest and the highest of each kind."""


def _unpacked(name: str, blocks: NDArray[np.uint8]) -> Unpacked:
    unpack = KINDS[name].unpack
    assert unpack is not None
    return unpack(blocks)


def _random(name: str) -> NDArray[np.uint8]:
    layout = KINDS[name]
    return np.frombuffer(random_blocks(name, (300, layout.values))[2], np.uint8).reshape(300, layout.size)


def test_every_kind_of_blocks_is_here() -> None:
    assert {name for name, kind in KINDS.items() if kind.unpack} == CODES.keys()


@pytest.mark.parametrize("name", CODES)
def test_codes_are_all_that_their_kind_has_and_no_other(name: str) -> None:
    codes = _unpacked(name, _random(name)).codes
    assert codes.shape == (300, KINDS[name].values)
    assert (codes.min(), codes.max()) == CODES[name]


@pytest.mark.parametrize("name", ["IQ4_NL", "IQ4_XS", "MXFP4"])
def test_codes_that_stand_for_uneven_steps_are_those_steps(name: str) -> None:
    levels = np.unique(_unpacked(name, _random(name)).codes)
    assert len(levels) == (15 if name == "MXFP4" else 16)  # it has two zeros
    assert len(set(np.diff(levels.astype(int)))) > 1


def test_scales_of_mxfp4_are_powers_of_two_also_where_these_are_subnormal() -> None:
    blocks = np.zeros((256, KINDS["MXFP4"].size), np.uint8)
    blocks[:, 0] = np.arange(256)
    scales = _unpacked("MXFP4", blocks).scales
    assert scales.dtype == np.float32
    assert np.array_equal(scales[:, 0], 2.0 ** np.arange(-128, 128))
