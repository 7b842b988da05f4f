"""Expected numbers are those of transformers 5.24 (modeling_rope_utils)."""

import numpy as np
import pytest

from headrace.weights import rope


def test_frequencies_fall_from_one_by_the_base() -> None:
    assert np.allclose(rope.plain(4, 100.0), [1.0, 0.1])


def test_linear_scaling_slows_all_alike() -> None:
    assert np.allclose(rope.linear(rope.plain(4, 100.0), 4.0), [0.25, 0.025])


def test_llama3_scaling_keeps_short_waves_and_stretches_long_ones() -> None:
    found = rope.llama3(rope.plain(16, 500000.0), 8.0, 1.0, 4.0, 8192)
    expected = [1.0, 0.1939228, 0.03760603, 0.007292665, 0.000524846, 3.428102e-05, 6.64787e-06, 1.289173e-06]
    assert np.allclose(found, expected, rtol=1e-5)


def test_yarn_stretches_by_index() -> None:
    expected = [1.0, 0.2569351, 0.0625, 0.01383497, 0.0025, 0.0007905695, 0.00025, 7.905695e-05]
    assert np.allclose(rope.yarn(16, 10000.0, 4.0, 256), expected, rtol=1e-5)


def test_yarn_may_leave_its_borders_as_they_are() -> None:
    found = rope.yarn(16, 10000.0, 4.0, 256, fast=16, slow=2, whole=False)
    expected = [1.0, 0.2915256, 0.0506644, 0.007905695, 0.0025, 0.0007905695, 0.00025, 7.905695e-05]
    assert np.allclose(found, expected, rtol=1e-5)


def test_yarn_sharpens_attention() -> None:
    assert rope.yarn_scale(4.0) == pytest.approx(1.138629436111989)
    assert rope.yarn_scale(1.0) == 1.0


def test_longrope_sharpens_attention_by_the_original_context() -> None:
    assert rope.longrope_scale(8.0, 128) == pytest.approx(1.1952286093343936)
