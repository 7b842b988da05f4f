"""Same content, same name."""

import numpy as np

from headrace.weights.digest import digest
from headrace.weights.ggml_types import KINDS
from headrace.weights.stored import StoredWeight, stored


def _tensor(values: list[float]) -> StoredWeight:
    return stored(KINDS["F32"], (len(values),), np.asarray(values, np.float32).view(np.uint8), "w")


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
