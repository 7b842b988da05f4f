"""A file's kind is that of most of its weights, not of most of its tensors."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.runtimes.main_kind import main_kind


class OfKind(msgspec.Struct, frozen=True):
    """A weight of which only this is asked."""

    kind: str
    shape: tuple[int, ...]

    def dense(self) -> NDArray[np.float32]:
        raise AssertionError

    def cut(self, begin: int, end: int) -> "OfKind":
        raise AssertionError


def test_the_kind_is_that_of_most_weights() -> None:
    norms = {f"layers.{layer}.ffn_norm": OfKind("F32", (64,)) for layer in range(9)}
    matrices = {"embed": OfKind("q4_1", (128, 64)), "head": OfKind("Q8_0", (64, 64))}
    assert main_kind({**norms, **matrices}) == "Q4_1"


def test_a_file_without_weights_has_no_kind() -> None:
    assert main_kind({}) == ""
