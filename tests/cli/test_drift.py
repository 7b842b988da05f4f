"""`headrace drift` shows what is off, farthest first."""

import json
from typing import Any

import pytest

from headrace.cli.drift import run
from headrace.cli.failure import Failure
from tests.cli.conftest import Serve


def feature(name: str, ratio: float, alarm: bool = False) -> dict[str, Any]:
    score = {"test": "ks", "against": "reference", "statistic": 1, "threshold": 1, "ratio": ratio, "crossed": alarm}
    drawn = {"reference": {"edges": [0, 1, 2], "reference": [0.5, 0.5], "current": [0.0, 1.0]}}
    return {"name": name, "side": "inputs", "alarm": alarm, "scores": [score], "histograms": drawn}


VERSION: dict[str, Any] = {
    "version": "2",
    "state": "alarm",
    "alarms": ["X[1]"],
    "rows": 3000,
    "windows": 6,
    "previous": "1",
    "references": {
        "inputs": {"from": "rows", "rows": 2000, "collected": None, "wanted": None},
        "outputs": {"from": None, "rows": None, "collected": 300, "wanted": 2000},
    },
    "schema": [],
    "left_out": ["X~9"],
    "features": [feature(f"X[{i}]", 0.3) for i in range(30)] + [feature("X[99]", 2.5, alarm=True)],
    "feedback": [{"time": 0, "rows": 10, "accuracy": 0.9, "mean_error": 0.1}],
}


def shown(serve: Serve, capsys: pytest.CaptureFixture[str], told: dict[str, Any], *flags: str) -> str:
    asked: list[str] = []

    def answer(path: str, headers: object, body: object) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, json.dumps(told).encode()

    assert run(["m", "--url", serve(answer), *flags]) == 0
    return capsys.readouterr().out


def test_what_is_farthest_off_stands_first(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(serve, capsys, {"name": "m", "versions": [VERSION]})
    rows = [line.split() for line in out.splitlines() if line.startswith(("X[", " X["))]
    assert rows[0] == ["X[99]", "alarm", "ks", "(reference)", "2.50", "██", "▁█"]
    assert len(rows) == 20
    assert "11 more" in out


def test_its_words_say_what_is_compared_and_what_is_not(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    out = " ".join(shown(serve, capsys, {"name": "m", "versions": [VERSION]}).split())
    assert "version 2: alarm, 3000 rows, 6 windows" in out
    assert "300 of 2000 rows of outputs seen" in out
    assert "compared with version 1 too" in out
    assert "90.0 % right of 10 rows" in out
    assert "Not watched: X~9." in out


def test_all_features_are_shown_where_that_is_asked_for(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert "X[29]" in shown(serve, capsys, {"name": "m", "versions": [VERSION]}, "--all")


def test_without_requests_it_says_so(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No request of it was looked at yet." in shown(serve, capsys, {"name": "m", "versions": []})


def test_a_file_that_is_not_used_is_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"name": "m", "versions": [], "problem": "usual.npy\x1b[31m cannot be read"}
    out = shown(serve, capsys, told)
    assert "usual.npy" in out
    assert "\x1b[31m" not in out


def test_as_json_it_is_what_the_server_says(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"name": "m", "versions": [VERSION]}
    assert json.loads(shown(serve, capsys, told, "--json", "--version", "2")) == told


def test_what_is_usual_is_seen_anew(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is what is usual of m" in shown(serve, capsys, {}, "--reset")
    with pytest.raises(Failure, match="--reset shows nothing"):
        run(["m", "--reset", "--json"])
