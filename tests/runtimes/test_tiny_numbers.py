"""Tiny numbers are zero for as long as it is asked, and the thread computes as before afterwards."""

import platform
import sys

import numpy as np
import pytest

from headrace.runtimes.tiny_numbers import zeroed

TINY = np.full(4, 1e-40, np.float32)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="kept on other machines"
)


def product() -> bool:
    return bool((TINY * np.float32(1)).any())


def test_they_are_zero_meanwhile() -> None:
    with zeroed():
        assert not product()
    assert product()


def test_a_failure_ends_it_too() -> None:
    with pytest.raises(ValueError, match="x"), zeroed():
        raise ValueError("x")
    assert product()


def test_within_another_it_goes_on() -> None:
    with zeroed():
        with zeroed():
            pass
        assert not product()
