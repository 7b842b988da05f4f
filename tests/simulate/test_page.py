"""A study as a page."""

from headrace.simulate.page import page
from headrace.simulate.policies import Chosen
from headrace.simulate.report import Report
from headrace.simulate.study import Plan, Study
from tests.simulate.models import scenario
from tests.simulate.test_study import Silent


def made(plan: Plan) -> str:
    study = Study(plan, Silent())
    study.run()
    report = Report(
        model="<m>",
        times="times.json",
        objective="50 ms",
        arrivals="poisson",
        lengths="one",
        scenario=plan.scenario,
        started="2026-01-01T00:00:00+00:00",
        version="0",
        command="headrace simulate <m>",
        took_s=1.0,
        points=study.points,
        capacities=study.capacities,
        attainment=0.99,
    )
    return page(report)


def test_a_page_has_the_rates_held_over_machines_and_the_loads_and_needs_nothing_else() -> None:
    policies = [Chosen("deadline"), Chosen("none")]
    plan = Plan(scenario(), policies, [1, 4], [100.0, 400.0], find_max=True, most_requests=500, precision=0.5)
    text = made(Plan(**{name: getattr(plan, name) for name in plan.__struct_fields__} | {"duration_s": 1.0}))
    assert "What machines hold" in text
    assert "Goodput, 4 machines" in text
    assert "&lt;m&gt;" in text
    assert "<script" not in text
    assert "http://" not in text


def test_one_load_has_a_table_and_no_charts() -> None:
    text = made(Plan(scenario(), [Chosen("none")], rates=[100.0], duration_s=1.0))
    assert "<svg" not in text
    assert "Loads" in text
