"""Tables on terminals and in pipes."""

import io

from headrace.cli.console import console, table


def test_a_pipe_gets_long_rows_whole() -> None:
    out, made = io.StringIO(), table("a", "b")
    made.add_row("x" * 80, "y" * 80)
    console(out).print(made)
    assert any("x" * 80 in line and "y" * 80 in line for line in out.getvalue().splitlines())


def test_brackets_in_a_cell_are_shown_as_they_are() -> None:
    out, made = io.StringIO(), table("a")
    made.add_row("[bold]x[/bold] [?, 64]")
    console(out).print(made)
    assert "[bold]x[/bold] [?, 64]" in out.getvalue()


def test_a_name_in_a_cell_drives_no_terminal() -> None:
    out, made = io.StringIO(), table("a")
    made.add_row("evil\x1b]0;title\x07\x9b2J")
    console(out).print(made)
    assert r"evil\x1b]0;title" in out.getvalue()
    assert not {"\x1b", "\x07", "\x9b"} & set(out.getvalue())


def test_a_name_in_a_cell_makes_no_row_of_its_own() -> None:
    out, made = io.StringIO(), table("a")
    made.add_row("m\n2026-03-01 all is well")
    console(out).print(made)
    assert r"m\n2026-03-01 all is well" in out.getvalue()
