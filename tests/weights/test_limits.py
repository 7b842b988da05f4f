"""Sizes that cannot be those of one model are refused."""

import msgspec
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture, Rope
from headrace.weights.limits import check_sizes, telling_windows, useful_windows

FACTS = Architecture(
    family="llama",
    num_layers=2,
    hidden=32,
    heads=4,
    kv_heads=2,
    head_dim=8,
    intermediate=48,
    vocabulary=40,
    max_context=64,
    norm_eps=1e-5,
    rope=Rope((1.0, 0.1, 0.01, 0.001)),
)


def test_sizes_that_fit_are_passed_on() -> None:
    assert check_sizes(FACTS) is FACTS


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"kv_heads": 3}, "kv_heads: 4 heads cannot share 3"),
        ({"head_dim": 6}, "rope: 8 of 6"),
        ({"windows": (8,)}, "windows: 1 windows for 2 layers"),
        ({"windows": (8, 8), "sees_all": True}, "windows: tokens that see the whole text have none"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        check_sizes(msgspec.structs.replace(FACTS, **changes))


def test_a_window_as_long_as_the_context_is_none() -> None:
    assert useful_windows((8, 64, 0), 64) == (8, 0, 0)
    assert useful_windows((64, 0), 64) == ()


def test_a_window_that_tells_of_a_rotation_is_kept_however_long() -> None:
    assert telling_windows((64, 0)) == (64, 0)
    assert telling_windows((0, 0)) == ()
