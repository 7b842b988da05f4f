"""A report as a measurement makes one."""

from headrace.bench.load import Closed, Load, Objective, Open
from headrace.bench.phases import ServerPhases
from headrace.bench.report import Found, Report, Step
from headrace.bench.samples import Batch
from headrace.bench.summary import summarise
from tests.bench.fakes import sample, stream

OBJECTIVE = Objective(50.0)
SERVER = ServerPhases(100, 0, 4.0, 1.0, 0.1, 2.5, 0.2, 200, 60, {1: 20, 4: 40}, {"full": 40, "idle": 20})


def step(load: Load, latency_ms: float = 10.0, *, streams: bool = False) -> Step:
    samples = [
        sample(
            latency_ms + index % 7,
            at_ms=index * 10,
            batch=Batch(4, "full", 1.0, 2.0),
            stream=stream(index * 10 + 5, [2.0, 3.0]) if streams else None,
        )
        for index in range(100)
    ]
    samples += [sample(2, at_ms=500, verdict="shed", said="429 <b>"), sample(2, verdict="error", said="400")]
    return summarise(samples, load, OBJECTIVE, started_ns=0, duration_s=1.0, cpu=0.2, server=SERVER)


def report(*, streams: bool = False, ended: str = "") -> Report:
    loads: tuple[Load, ...] = Open(50.0), Open(100.0), Open(200.0), Closed(4), Closed(16)
    return Report(
        url="http://127.0.0.1:8000",
        model="<script>alert(1)</script>",
        protocol="http",
        objective=str(OBJECTIVE),
        arrivals="poisson",
        started="2026-01-01T00:00:00+00:00",
        version="0",
        command="headrace bench",
        duration_s=1.0,
        seed=0,
        steps=[step(load, 10.0 * number, streams=streams) for number, load in enumerate(loads, 1)],
        knee="100/s",
        best=Found(180.0, 190.0, 179.0, 0.99, [(180.0, 1, 0.995)]),
        ended=ended,
    )
