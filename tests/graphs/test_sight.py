"""What a token may not see has a score that makes nothing of it."""

import numpy as np
import pytest

from headrace.graphs.sight import HIDDEN_FROM_SIGHT, far_hidden, others_hidden, padding_hidden
from tests.graphs.run import run


def test_padding_is_hidden() -> None:
    found = run(padding_hidden, np.array([[1, 1, 0]]))
    assert found.tolist() == [[[[0.0, 0.0, HIDDEN_FROM_SIGHT]]]]


@pytest.mark.parametrize(
    ("window", "seen"), [(0, ["x...", "xx..", "xxx.", "xxxx"]), (2, ["x...", "xx..", ".xx.", "..xx"])]
)
def test_a_token_sees_itself_and_those_before_it_as_far_as_its_window_goes(window: int, seen: list[str]) -> None:
    found = run(lambda positions: others_hidden(positions, window), np.arange(4)[None])
    assert ["".join("x" if each == 0 else "." for each in row) for row in found[0, 0]] == seen


@pytest.mark.parametrize(
    ("window", "seen"), [(1, ["x...", ".x..", "..x.", "...x"]), (2, ["xx..", "xxx.", ".xxx", "..xx"])]
)
def test_or_as_far_to_each_side(window: int, seen: list[str]) -> None:
    found = run(lambda positions: far_hidden(positions, window), np.arange(4)[None])
    assert ["".join("x" if each == 0 else "." for each in row) for row in found[0, 0]] == seen
