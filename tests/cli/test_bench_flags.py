"""What the flags of `headrace bench` say."""

from pathlib import Path

import pytest

from headrace.arrivals import Arrival, Gamma, Lengths
from headrace.bench.address import Address
from headrace.bench.load import Closed, Objective, Open
from headrace.cli.bench_flags import Wanted, read_flags
from headrace.cli.failure import Failure

URL = "http://127.0.0.1:8000"


def _read(*flags: str) -> Wanted:
    return read_flags([URL, "m", *flags])


def test_without_a_load_a_few_clients_are_tried() -> None:
    wanted = _read()
    assert wanted.plan.loads == (Closed(1), Closed(4), Closed(16))
    assert (wanted.asking.address, wanted.asking.model) == (Address("127.0.0.1", 8000), "m")


def test_rates_and_clients_are_steps() -> None:
    plan = _read("--rate", "50,100.5", "--concurrency", "2", "--arrivals", "gamma:2", "--seed", "7").plan
    assert plan.loads == (Open(50.0), Open(100.5), Closed(2))
    assert (plan.process, plan.seed) == (Gamma(2.0), 7)


def test_objectives_lengths_and_headers_are_read() -> None:
    wanted = _read(
        *("--protocol", "chat", "--slo-ttft-ms", "1000", "--slo-tpot-ms", "60", "--send-slo", "--priority", "1"),
        *("--lengths", "lognormal:24:0.8:5:256", "--tenant", "blue", "--header", "Authorization=Bearer x=y"),
    )
    assert wanted.plan.objective == Objective(None, 1000.0, 60.0)
    assert wanted.plan.lengths == Lengths(24.0, 0.8, 5, 256)
    assert wanted.asking.tenant == "blue"
    assert wanted.asking.headers == {
        "authorization": "Bearer x=y",
        "x-priority": "1",
        "x-slo-ttft-ms": "1000",
        "x-slo-tpot-ms": "60",
    }


def test_a_trace_is_replayed_at_its_own_rate_or_at_another(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("offset_s,rows\n0.5,1\n2,3\n")
    plan = _read("--arrivals", f"trace:{trace}").plan
    assert plan.loads == (Open(1.0),)
    assert plan.trace == (Arrival(0.5), Arrival(2.0, 3))
    assert plan.duration_s == pytest.approx(2.001)
    assert _read("--arrivals", f"trace:{trace}", "--rate", "9").plan.loads == (Open(9.0),)


def test_a_trace_of_one_request_is_one_a_second(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("offset_s\n0\n")
    plan = _read("--arrivals", f"trace:{trace}").plan
    assert (plan.loads, plan.duration_s) == ((Open(1.0),), 1.0)


def test_the_search_needs_no_load() -> None:
    plan = _read("--find-max", "--slo-ms", "50").plan
    assert (plan.loads, plan.find_max) == ((), True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rate", "0"], "--rate 0: '0' is not a number above 0"),
        (["--rate", "10,-1"], "--rate 10,-1: '-1' is not a number above 0"),
        (["--rate", "nan"], "'nan' is not a number above 0"),
        (["--concurrency", "1.5"], "--concurrency 1.5: clients are whole numbers"),
        (["--concurrency", "x"], "'x' is not a number above 0, up to 10,000"),
        (["--concurrency", "4,600"], "--concurrency 600 needs as many --connections"),
        (["--rate", "1e7", "--duration", "1000"], "a step has at most 20,000,000 requests"),
        (["--duration", "0"], "--duration 0.0: it is above 0"),
        (["--slo-ms", "-5"], "--slo-ms -5.0: it is above 0"),
        (["--slo-ms", "nan"], "--slo-ms nan: it is above 0"),
        (["--warmup", "-1"], "--warmup -1.0: it is 0 or more seconds"),
        (["--rows", "0"], "--rows 0: it is at least 1"),
        (["--seed", "-1"], "--seed -1: it is 0 or more"),
        (["--priority", "-1"], "--priority -1: 0 is the default, 1 the highest"),
        (["--priority", "10"], "--priority 10: 0 is the default, 1 the highest, 9 the lowest"),
        (["--attainment", "1"], "--attainment 1.0: it is a share between 0 and 1"),
        (["--precision", "0"], "--precision 0.0: it is a share from 0.001 to 1"),
        (["--rate", "1", "--arrivals", "uniform"], "--arrivals 'uniform' is no arrival process"),
        (["--arrivals", "trace:none.csv"], "--arrivals trace:none.csv: No such file or directory"),
        (["--arrivals", "trace:none.txt"], "a trace is a .csv or a .jsonl file"),
        (["--lengths", "x"], "--lengths 'x' is no distribution of lengths"),
        (["--header", "broken"], "--header broken: write it NAME=VALUE"),
        (["--header", "a b=c"], "write it NAME=VALUE"),
        (["--header", "x-a=1", "--header", "X-A=2"], "--header X-A is given twice"),
        (["--header", "a=b\nc"], "write it NAME=VALUE"),
        (["--slo-ttft-ms", "5"], "--slo-ttft-ms and --slo-tpot-ms go with --protocol chat"),
        (["--protocol", "chat", "--input", "x=1"], "--input goes with tensor models"),
        (["--protocol", "grpc"], "--protocol grpc asks at grpc:// or grpcs://"),
        (["--input", "x=1", "--lengths", "5"], "give one of them"),
        (["--find-max"], "--find-max needs an objective, as in --slo-ms 100"),
        (["--find-max", "--slo-ms", "5", "--concurrency", "4"], "leave --concurrency out"),
        (["--send-slo"], "--send-slo needs --slo-ms"),
        (["--record", "a.csv", "--rate", "1,2"], "give one --rate or one --concurrency"),
        (["--record", "a.txt", "--rate", "1"], "a trace is a .csv or a .jsonl file"),
        (["--html", "/nowhere/a.html"], "--html /nowhere/a.html: there is no folder /nowhere"),
        (["--mlperf", "server"], "--mlperf server needs --rate and --slo-ms"),
        (["--mlperf", "offline", "--html", "a.html"], "do not go with it"),
        (["--mlperf-logs", "a"], "--mlperf-logs goes with --mlperf"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_is_sent(flags: list[str], message: str) -> None:
    with pytest.raises(Failure) as refused:
        _read(*flags)
    assert message in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--arrivals gamma:2", "--arrivals shapes an open loop: give --rate or --find-max"),
        ("--arrivals poisson --concurrency 2", "--arrivals shapes an open loop"),
        ("--attainment 0.99 --rate 5", "--attainment and --precision need --find-max"),
        ("--precision 0.1", "--attainment and --precision need --find-max"),
        ("--output-tokens 3", "--output-tokens and --ignore-eos go with --protocol chat"),
        ("--no-ignore-eos", "--output-tokens and --ignore-eos go with --protocol chat"),
        ("--version 2 --protocol chat", "--version goes with tensor models"),
        ("--find-max --slo-ms 5 --rate 1,2", "--find-max begins at one --rate"),
        ("--mlperf server --rate 1,2 --slo-ms 5", "--mlperf runs once"),
        ("--mlperf singlestream --rate 1", "--mlperf singlestream has no --rate"),
        ("--mlperf offline --warmup 3", "--mlperf has LoadGen ask"),
        ("--mlperf offline --arrivals steady", "--mlperf has LoadGen ask"),
    ],
)
def test_a_flag_that_nothing_would_come_of_is_told(flags: str, message: str) -> None:
    with pytest.raises(Failure, match=message) as refused:
        _read(*flags.split())
    assert refused.value.exit_code == 2


def test_arrivals_shape_the_tries_of_a_search_and_a_trace_has_sizes_for_clients(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("offset_s,rows\n0.5,1\n2,3\n")
    assert _read("--find-max", "--slo-ms", "5", "--arrivals", "gamma:2").plan.process == Gamma(2.0)
    assert _read("--arrivals", f"trace:{trace}", "--concurrency", "2").plan.trace[1].rows == 3


def test_the_line_of_a_trace_that_is_wrong_is_named(tmp_path: Path) -> None:
    trace = tmp_path / "t.jsonl"
    trace.write_text('{"offset_s": 1}\n{"offset_s": 0}\n')
    with pytest.raises(Failure, match=r"t\.jsonl: line 2: offset_s goes back from 1 to 0"):
        _read("--arrivals", f"trace:{trace}")
