"""A bar while something long runs, and how its figures are told."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from headrace.numerals import numeral

NONE = "-"


class Bar:
    """The bar, on a terminal only. A context: the terminal is its own again afterwards."""

    def __init__(self, console: Console, width: int, facts: ProgressColumn) -> None:
        """`width`: of the description; `facts` stand behind the bar."""
        columns = TextColumn(f"{{task.description:{width}}}"), BarColumn(), facts, TimeRemainingColumn()
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=1.0, facts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def milliseconds(value: float | None) -> str:
    """Three digits, or all before the point."""
    return NONE if value is None else numeral(value)
