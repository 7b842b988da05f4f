"""The flags of `headrace simulate`."""

from pathlib import Path

import pytest

from headrace.arrivals import Lengths
from headrace.cli.failure import Failure
from headrace.cli.simulate_flags import make_plan, read_flags
from headrace.simulate.known import Told
from headrace.simulate.policies import Chosen
from headrace.simulate.scenario import Leaving, Overheads


def test_all_that_is_said_is_in_the_plan() -> None:
    flags = (
        "m --rate 10,20 --concurrency 4 --slo-ms 100 --policy deadline,fixed:5 --machines 1,8 --feeding random "
        "--instances 2 --together 1.5 --speed 2 --overhead-us 100:200:30:40 --leave 0.3:150 --lengths 24 --seed 3 "
        "--max-size 8 --max-queue 99 --duration 5 --rows 2"
    )
    plan = make_plan(read_flags(flags.split()), Told({}))
    scenario = plan.scenario
    assert (list(plan.rates), list(plan.clients), list(plan.machines)) == ([10.0, 20.0], [4], [1, 8])
    assert plan.policies == [Chosen("deadline"), Chosen("fixed", 5.0)]
    assert plan.lengths == Lengths(24, 0.0, 24, 24)
    assert (plan.duration_s, plan.rows) == (5.0, 2)
    assert scenario.slo_ns == 100_000_000
    assert (scenario.feeding, scenario.instances, scenario.together, scenario.speed) == ("random", 2, 1.5, 2.0)
    assert scenario.overheads == Overheads(in_ns=100_000, out_ns=200_000, in_loop_ns=30_000, out_loop_ns=40_000)
    assert scenario.leaving == Leaving(0.3, 150_000_000)
    assert (scenario.limits.max_size, scenario.limits.max_queue, scenario.seed) == (8, 99, 3)


def test_what_the_server_has_holds_where_nothing_else_is_said() -> None:
    plan = make_plan(read_flags(["m", "--rate", "1"]), Told({}, max_size=16, instances=2))
    assert (plan.scenario.limits.max_size, plan.scenario.instances) == (16, 2)


def test_a_trace_brings_its_own_rate_and_length(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("offset_s,length\n0,5\n1,6\n2,7\n")
    plan = make_plan(read_flags(["m", "--arrivals", f"trace:{trace}"]), Told({}))
    assert list(plan.rates) == [1.5]
    assert [each.length for each in plan.trace] == [5, 6, 7]
    assert plan.duration_s == pytest.approx(2.001)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--rate 1", "name a MODEL"),
        ("m", "say what is asked for"),
        ("m --find-max", "--find-max needs an objective"),
        ("m --find-max --slo-ms 5 --concurrency 1", "leave --concurrency out"),
        ("m --rate 0", "--rate 0: '0' is not a number above 0"),
        ("m --rate x", "'x' is not a number"),
        ("m --rate 1 --machines 1.5", "--machines 1.5: they are whole numbers"),
        ("m --rate 1 --machines 0", "--machines 0"),
        ("m --rate 1 --policy best", "--policy there is no policy 'best'"),
        ("m --rate 1 --slo-ms -5", "--slo-ms -5.0: it is above 0"),
        ("m --rate 1 --leave 2:5", "--leave 2:5: write it SHARE:MS"),
        ("m --rate 1 --leave 0.5", "--leave 0.5: write it SHARE:MS"),
        ("m --rate 1 --overhead-us 1:2:3", "--overhead-us 1:2:3: write it IN"),
        ("m --rate 1e7 --duration 1000", "a load has at most 20,000,000 requests: lower --rate or --duration"),
        ("m --rate 1 --duration 1e9", "it is above 0, and below 10,000,000"),
        ("m --rate 1 --instances 0", "--instances 0: it is at least 1"),
        ("m --rate 1 --attainment 1", "--attainment 1.0: it is a share"),
        ("m --rate 1 --arrivals often", "--arrivals 'often' is no arrival process"),
        ("m --arrivals trace:none.csv", "No such file"),
        ("m --concurrency 1 --arrivals steady", "--arrivals shapes an open loop: give --rate or --find-max"),
        ("m --rate 1 --attainment 0.9", "--attainment, --precision and --requests need --find-max"),
        ("m --rate 1 --requests 100", "--attainment, --precision and --requests need --find-max"),
        ("m --rate 1 --feeding random", "--feeding says which of several machines is asked: give --machines"),
        ("m --rate 1 --instances 1 --together 2", "--together is of runs beside others"),
        ("--latency x.json --rate 1 --url http://h", "--url, --ca, --cert and --key are of a server"),
        ("m --rate 1 --html nowhere/x.html", "there is no folder nowhere"),
        ("--latency x.json --rate 1 --version 1", "--version and --variant are of a server's model"),
    ],
)
def test_what_is_wrong_is_named(flags: str, says: str) -> None:
    with pytest.raises(Failure, match=says.replace("(", r"\(")):
        read_flags(flags.split())


def test_requests_of_more_rows_than_a_run_has_are_refused_as_by_the_server() -> None:
    wanted = read_flags(["m", "--rate", "1", "--rows", "65"])
    assert make_plan(wanted, Told({"knots": []}, max_size=65)).rows == 65
    with pytest.raises(Failure, match="requests of 65 rows: a run has at most 64, so a server refuses them"):
        make_plan(wanted, Told({"knots": []}, max_size=64))


@pytest.mark.parametrize("instances", [1, None])
def test_no_run_is_beside_another_where_the_server_has_one_instance(instances: int | None) -> None:
    wanted = read_flags(["m", "--rate", "1", "--together", "0.5"])
    assert make_plan(wanted, Told({"knots": []}, instances=2)).scenario.together == 0.5
    with pytest.raises(Failure, match="--together is of runs beside others: there are none with one instance"):
        make_plan(wanted, Told({"knots": []}, instances=instances))
