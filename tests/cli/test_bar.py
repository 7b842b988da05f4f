"""A bar, and figures beside it."""

import io

import pytest
from rich.console import Console
from rich.progress import TextColumn

from headrace.cli.bar import Bar, milliseconds


def test_nothing_moves_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    with Bar(Console(file=file), 10, TextColumn("x")):
        pass
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("value", "told"), [(None, "-"), (0.0, "0"), (1.2345, "1.23"), (999.4, "999"), (1234.5, "1,234")]
)
def test_a_figure_has_three_digits_or_all_before_the_point(value: float | None, told: str) -> None:
    assert milliseconds(value) == told
