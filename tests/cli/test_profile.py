"""`headrace profile` shows which operators take a model's time."""

import json

import pytest

from headrace.cli.failure import Failure
from headrace.cli.profile import run
from tests.cli.conftest import Serve

TOLD = {
    "model": "a/b\x1b[31m",
    "version": "2",
    "runtime": "onnx 1.32.0",
    "threads": 2,
    "inputs": "recent",
    "runs": 5,
    "run_us": 1500.0,
    "operators": [
        {"name": "Conv_1\x1b]0;x", "type": "Conv", "shape": "float 1x3", "calls": 1.0, "mean_us": 900.0, "share": 0.9},
        {"name": "Add_2", "type": "Add", "shape": "", "calls": 2.0, "mean_us": 100.0, "share": 0.1},
    ],
}


def test_operators_are_shown_those_that_take_most_first(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, json.dumps(TOLD).encode()

    url = serve(answer)
    assert run(["a/b", "--version", "2", "--runs", "5", "--top", "1", "--url", url]) == 0
    out = capsys.readouterr().out
    assert asked == ["/v2/headrace/profile?operators=a%2Fb&runs=5&version=2"]
    assert "5 runs of 1.5 ms each" in out
    assert "90.0%" in out
    assert "1 more, 10.0% of the time" in out
    assert "\x1b" not in out
    assert run(["a/b", "--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == TOLD


@pytest.mark.parametrize("top", ["0", "-1"])
def test_some_operator_is_shown(top: str) -> None:
    with pytest.raises(Failure, match=f"--top {top} is no number of operators; give 1 or more"):
        run(["m", "--top", top])
