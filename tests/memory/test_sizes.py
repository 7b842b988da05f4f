"""Sizes are read as people write them."""

import re

import pytest

from headrace.memory.sizes import shown, size_bytes
from headrace.settings import SIZE


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("512MiB", 512 << 20),
        ("2GiB", 2 << 30),
        ("1.5 GiB", 3 << 29),
        ("50%", 500),
        ("12.5 %", 125),
        ("100%", 1000),
        ("7KB", 7000),
        ("3G", 3_000_000_000),
        ("64B", 64),
        ("", None),
    ],
)
def test_a_size_is_bytes_a_share_or_nothing(said: str, meant: int | None) -> None:
    assert re.fullmatch(SIZE, said)
    assert size_bytes(said, 1000) == meant


@pytest.mark.parametrize("said", ["512", "101%", "half", "-1MiB", "2 XiB", "GiB", "1e3MiB"])
def test_what_is_no_size_does_not_match(said: str) -> None:
    assert re.fullmatch(SIZE, said) is None


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (512 << 20, "512.0 MiB"), (5 << 30, "5.0 GiB")]
)
def test_a_size_is_shown_in_its_unit(size: int, text: str) -> None:
    assert shown(size) == text


def test_auto_goes_by_the_control_groups_limit_and_is_no_budget_without_one() -> None:
    assert size_bytes("auto", 1000, 500) == 450
    assert size_bytes("auto", 1000) is None
