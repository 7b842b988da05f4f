"""What runtimes say of shapes, in the server's words."""

import numpy as np
import pytest

from headrace.runtimes.specs import dimension, with_ranks
from headrace.types import FREE, TensorSpec


@pytest.mark.parametrize(("said", "size"), [(3, 3), (0, 0), ("batch", FREE), (None, FREE), (-1, FREE)])
def test_only_a_size_fixes_a_dimension(said: object, size: int) -> None:
    assert dimension(said) == size


def test_a_run_shows_the_rank_of_an_output_that_had_none() -> None:
    specs = (TensorSpec("a", "FP32", ()), TensorSpec("b", "FP32", (FREE,)))
    found = with_ranks(specs, {"a": np.zeros((2, 3)), "b": np.zeros(1)})
    assert [spec.shape for spec in found] == [(FREE, FREE), (FREE,)]


def test_an_output_that_was_not_asked_for_keeps_its_specification() -> None:
    specs = (TensorSpec("a", "FP32", ()),)
    assert with_ranks(specs, {}) == specs
