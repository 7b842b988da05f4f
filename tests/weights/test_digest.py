"""Same content, same name."""

import numpy as np
from numpy.typing import ArrayLike

from headrace.weights.digest import PIECE, digest
from headrace.weights.ggml_types import KINDS
from headrace.weights.stored import StoredWeight, stored


def _tensor(values: ArrayLike) -> StoredWeight:
    return stored(KINDS["F32"], (np.size(values),), np.asarray(values, np.float32).view(np.uint8), "w")


def test_the_same_content_has_the_same_name() -> None:
    assert digest([b"a"], {"w": _tensor([1, 2])}) == digest([b"a"], {"w": _tensor([1, 2])})


def test_every_difference_changes_the_name() -> None:
    names = {
        digest([b"a"], {"w": _tensor([1, 2])}),
        digest([b"b"], {"w": _tensor([1, 2])}),
        digest([b"a", b""], {"w": _tensor([1, 2])}),
        digest([b"a"], {"w": _tensor([1, 3])}),
        digest([b"a"], {"v": _tensor([1, 2])}),
        digest([b"a"], {"w": _tensor([1, 2, 3])}),
        digest([b"a"], {"w": _tensor([0.0] * 1000)}),
        digest([b"a"], {"w": _tensor([0.0] * 500 + [1.0] + [0.0] * 499)}),
    }
    assert len(names) == 8


def test_one_number_anywhere_changes_the_name() -> None:
    values = np.zeros((3 * PIECE) // 4 + 1, np.float32)
    names = set()
    for place in (0, 1000, PIECE // 4 - 1, PIECE // 4, PIECE // 2 + 777, values.size - 1):
        changed = values.copy()
        changed[place] = 1
        names.add(digest([], {"w": _tensor(changed)}))
    assert len(names) == 6
