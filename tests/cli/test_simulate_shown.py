"""A study at the terminal."""

import io

from rich.console import Console

from headrace.cli.simulate_shown import Shown, print_report
from headrace.simulate.policies import Chosen
from headrace.simulate.report import Report
from headrace.simulate.study import Capacity, Plan, Study
from tests.simulate.models import scenario


def test_loads_and_rates_are_tables_and_nothing_moves_where_there_is_no_terminal() -> None:
    out, errors = io.StringIO(), io.StringIO()
    study = Study(Plan(scenario(), [Chosen("none")], rates=[50.0], duration_s=1.0), watcher := _shown(errors))
    with watcher:
        study.run()
    capacities = [
        Capacity("none", 8, 1234.5, 1300.0, study.points[0].figures, 9),
        Capacity("none", 1, None, 2, None, 3),
    ]
    report = Report(
        "m", "t", "50 ms", "poisson", "one", scenario(), "", "", "", 1.0, study.points, capacities, 0.99, "x"
    )
    print_report(report, Console(file=out, width=200))
    assert "50/s" in out.getvalue()
    assert "1,234.5" in out.getvalue()
    assert "none: no rate held, down to 2/s: not even requests one at a time have 0.99 of them in time" in (
        out.getvalue()
    )
    assert "it ended early: x" in out.getvalue()
    assert errors.getvalue() == ""


def _shown(file: io.StringIO) -> Shown:
    return Shown(Console(file=file))
