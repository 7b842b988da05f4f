"""Charts as SVG."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.bench.svg import Axis, Limit, Scale, Series, bar_chart, line_chart, log_ticks, shown, ticks

VALUES = st.floats(1e-3, 1e7)


@given(VALUES, VALUES)
def test_marks_are_few_round_and_inside(one: float, other: float) -> None:
    low, high = sorted((one, other))
    slack = (high - low) * 1e-8
    for found in (ticks(low, high), log_ticks(low, high)):
        assert len(found) <= 32
        assert all(low * 0.998 - slack <= each <= high * 1.002 + slack for each in found)


def test_marks_are_steps_of_1_2_or_5() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(0, 0.3) == [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    assert log_ticks(1, 100) == [1, 2, 5, 10, 20, 50, 100]
    assert log_ticks(1, 1e6) == [1, 10, 100, 1000, 1e4, 1e5, 1e6]


def test_a_narrow_logarithmic_axis_has_marks_too() -> None:
    assert len(log_ticks(30, 45)) >= 3


def test_a_scale_goes_from_end_to_end_and_not_beyond() -> None:
    scale = Scale(1, 100, 0, 200, log=True)
    assert [scale(each) for each in (0.1, 1, 10, 100, 1000)] == [0, 0, 100, 200, 200]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=20), st.booleans())
def test_any_points_make_a_chart_that_is_well_formed(points: list[tuple[float, float]], log: bool) -> None:
    drawn = line_chart("a < b", [Series("s & t", points, "c1")], Axis("x"), Axis("y", log=log), [Limit(5.0, "<5>")])
    root = ElementTree.fromstring(drawn)
    assert len(root.findall(".//circle")) == len(points)
    assert root.attrib["aria-label"] == "a < b"


@given(
    st.lists(st.tuples(st.text(st.characters(codec="ascii", exclude_categories=["C"])), st.floats(0, 1e6)), max_size=60)
)
def test_any_bars_make_a_chart_that_is_well_formed(bars: list[tuple[str, float]]) -> None:
    root = ElementTree.fromstring(bar_chart("bars", [(name, [value]) for name, value in bars], ["c1"], "x", "y"))
    assert len(root.findall(".//rect")) == sum(value > 0 for _, value in bars)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.05, "0.05"), (12.34, "12.3"), (1234.5, "1,234"), (2_500_000, "2.5M")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert shown(value) == text
