"""`headrace rollout` begins, tells, waits for and rolls back."""

import json
from typing import Any

import pytest

from headrace.cli.failure import Failure
from headrace.cli.rollout import run
from tests.cli.conftest import Answer, Serve


def report(state: str, step: int = 1, reason: str = "") -> dict[str, Any]:
    times = {"p50": 5.0, "p99": 9.0}
    return {
        "state": state,
        "reason": reason,
        "step": step,
        "steps": [0.1, 1.0],
        "share": 0.1,
        "base": {"version": "3", "requests": 90, "failed": 0, "routed_ms": times, "runs_ms": None},
        "to": {"version": "4", "requests": 10, "failed": 1, "routed_ms": None, "runs_ms": None},
        "compared": 100,
        "beyond": 2,
        "dropped": 5,
    }


class Rolling:
    """Answers one report after another."""

    def __init__(self, *reports: dict[str, Any]) -> None:
        self.reports = list(reports)
        self.asked: list[object] = []

    def __call__(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        assert path == "/v2/headrace/models/m/rollout"
        self.asked.append(json.loads(body) if body else None)
        return 200, {}, json.dumps(self.reports.pop(0)).encode()


def test_flags_are_what_is_asked_for(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    rolling = Rolling(report("running"))
    flags = "--steps 0.1,1 --step-s 5 --min-requests 9 --errors 0.1 --difference 0.001,0.02 --compare 1 --by tenant"
    assert run(["m", "4", *flags.split(), "--url", serve(rolling)]) == 0
    gates = {"errors": 0.1, "p99_ratio": 1.5, "compare": 1.0, "difference": {"tolerance": 0.001, "share": 0.02}}
    sent = {"to": "4", "steps": [0.1, 1.0], "step_s": 5.0, "min_requests": 9, "key": "tenant", "gates": gates}
    assert rolling.asked == [sent]
    assert capsys.readouterr().out == (
        "from version 3 to 4 running\n"
        "step 1 of 2: 0.1 of the requests\n"
        "version 3: 90 requests, 0 failed, p50 5.0 ms, p99 9.0 ms\n"
        "version 4: 10 requests, 1 failed\n"
        "compared 100: 2 differ; 5 were not asked twice\n"
    )


@pytest.mark.parametrize(("end", "code"), [("done", 0), ("rolled back", 1)])
def test_who_waits_sees_each_step_and_the_end(
    serve: Serve, capsys: pytest.CaptureFixture[str], end: str, code: int
) -> None:
    reports = [report("running"), report("running"), report("running", 2), report(end, 2, "because")]
    waited: list[float] = []
    assert run(["m", "4", "--wait", "--url", serve(Rolling(*reports))], waited.append) == code
    out = capsys.readouterr().out
    assert len(waited) == 3
    assert out.count("running") == 2
    assert f"from version 3 to 4 {end}: because" in out


def test_it_is_told_and_rolled_back(serve: Serve) -> None:
    rolling = Rolling(report("running"), report("rolled back"))
    url = serve(rolling)
    assert run(["m", "--url", url]) == run(["m", "--back", "--url", url]) == 0
    assert rolling.asked == [None, None]


@pytest.mark.parametrize(
    "arguments",
    [
        ["m", "--errors", "0.1"],
        ["m", "4", "--back"],
        ["m", "4", "--steps", "x"],
        ["m", "4", "--steps", "nan,1"],
        ["m", "4", "--errors", "nan"],
        ["m", "4", "--difference", "0.1"],
    ],
)
def test_what_is_not_clear_is_asked_for(arguments: list[str]) -> None:
    with pytest.raises(Failure) as caught:
        run(arguments)
    assert caught.value.exit_code == 2


def test_a_program_that_waits_is_told_once_how_it_ended(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    rolling = Rolling(report("running"), report("running", 2), report("done", 2))
    assert run(["m", "4", "--wait", "--json", "--url", serve(rolling)], sleep=lambda seconds: None) == 0
    assert json.loads(capsys.readouterr().out) == report("done", 2)
