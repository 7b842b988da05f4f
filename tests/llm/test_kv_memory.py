"""Tests of how much memory the cache gets."""

import pytest

from headrace.llm.kv_memory import blocks, kv_memory_bytes, said_bytes

FREE_BYTES = 1000 * 1024


@pytest.mark.parametrize(
    ("asked", "num_bytes"),
    [
        ("auto", 500 * 1024),
        ("2KiB", 2048),
        ("1.5 MB", 1_500_000),
        ("2G", 2_000_000_000),
        ("4096", 4096),
        ("4096B", 4096),
        (4096, 4096),
        (0.25, 250 * 1024),
        ("0.25", 250 * 1024),
    ],
)
def test_memory_is_said_in_bytes_in_units_or_as_a_share(asked: str | int | float, num_bytes: int) -> None:
    assert kv_memory_bytes(asked, FREE_BYTES) == num_bytes


def test_the_pool_is_as_large_as_fits() -> None:
    assert blocks(1000, 10, 32, 128, 8192) == 100


def test_the_pool_is_no_larger_than_all_sequences_can_fill() -> None:
    assert blocks(10**9, 10, 32, 2, 100) == 2 * 4 + 1


@pytest.mark.parametrize(
    ("asked", "said"), [("2KiB", 2048), (4096, 4096), ("auto", None), (0.25, None), ("0.25", None), (0, 0)]
)
def test_bytes_are_said_and_a_share_is_not(asked: str | int | float, said: int | None) -> None:
    assert said_bytes(asked) == said
