"""Numbers as people read them have no exponent where they are large."""

import math

import pytest

from headrace.numerals import numeral


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0.012345, 3, "0.0123"),
        (12.345, 3, "12.3"),
        (120, 2, "120"),
        (999.7, 3, "1,000"),
        (1000.0, 3, "1,000"),
        (1234.5, 5, "1,234.5"),
        (12345, 4, "12,345"),
        (-2e6, 3, "-2,000,000"),
        (math.inf, 3, "inf"),
        (1e-9, 3, "1e-09"),
    ],
)
def test_all_that_is_before_the_point_is_written_out(value: float, digits: int, written: str) -> None:
    assert numeral(value, digits) == written
