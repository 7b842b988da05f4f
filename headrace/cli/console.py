"""Where tables are printed: as wide as the terminal, and wide enough for every row where there is none."""

import sys
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.table import Table

from headrace.printable import printable

PIPED_WIDTH = 200


def console(file: TextIO | None = None) -> Console:
    """A console on `file`, standard output where none is given."""
    file = file or sys.stdout
    return _Console(file=file, width=None if file.isatty() else PIPED_WIDTH, highlight=False, emoji=False, markup=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the program here: what is to be done is the verb's to say."""
        self.quiet = True
        raise BrokenPipeError


class _Table(Table):
    """One whose cells that are strings stay on a line and drive no terminal, whoever wrote what is in them; a cell of
    several lines is a `Text`."""

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        plain = (printable(each) if isinstance(each, str) else each for each in cells)
        super().add_row(*plain, style=style, end_section=end_section)


def table(*headings: str) -> Table:
    """A plain table with these headings; long cells are folded, never cut."""
    made = _Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made
