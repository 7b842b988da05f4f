"""Drift behind a real server: what is asked changes, is found, told, and forgotten again."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

FAKE = """
inputs = [{ name = "X", shape = [-1, 3] }]
outputs = [{ name = "logits", shape = [-1, 3], value = "slice" }, { name = "X", shape = [-1, 3], value = "slice" }]
"""
ALARM = 'headrace_drift_alarm{model="m",version="1",side="inputs",feature="X[2]"}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Program]:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.fake").write_text(FAKE)
    (folder / "model.toml").write_text("drift = { reference = 400, window = 100 }\n")
    with serving(tmp_path, *ANY_PORTS) as program:
        yield program
        assert program.stop() == 0


def ask(server: Program, seed: int, rows: int, shift: float = 0.0) -> None:
    made = np.random.default_rng(seed).standard_normal((rows, 3))
    made[:, 2] += shift
    with httpx.Client(base_url=f"http://{server.http}") as client:
        for start in range(0, rows, 20):
            part = made[start : start + 20]
            tensor = {"name": "X", "datatype": "FP32", "shape": list(part.shape), "data": part.ravel().tolist()}
            answer = client.post("/v2/models/m/infer", json={"id": f"{seed}-{start}", "inputs": [tensor]})
            assert answer.status_code == 200


def told(server: Program) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"http://{server.http}/v2/headrace/drift/m").json()
    return found


def wait_rows(server: Program, rows: int) -> dict[str, Any]:
    """What is told once so many rows were looked at, and the reference is made of them, which a thread does; the test's
    own time limit ends it."""
    pause = threading.Event()
    while True:
        versions = told(server)["versions"]
        if versions and versions[0]["rows"] >= rows and versions[0]["state"] != "collecting":
            version: dict[str, Any] = versions[0]
            return version
        pause.wait(0.02)


def alarm(server: Program) -> str:
    page = httpx.get(f"http://{server.http}/metrics").text
    return next(line.split()[-1] for line in page.splitlines() if line.startswith(ALARM))


def test_a_change_of_what_is_asked_is_found_told_and_forgotten(server: Program) -> None:
    ask(server, 1, 500)
    assert wait_rows(server, 500)["state"] == "quiet"
    assert alarm(server) == "0"
    ask(server, 2, 100, shift=2)
    version = wait_rows(server, 600)
    assert (version["state"], "X[2]" in version["alarms"], "X[0]" in version["alarms"]) == ("alarm", True, False)
    assert alarm(server) == "1"
    page = httpx.get(f"http://{server.http}/metrics").text
    series = [line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")]
    assert sorted(set(series)) == sorted(series)  # also of X, which is an input and an output
    shown = subprocess.run(
        [sys.executable, "-m", "headrace", "drift", "m", "--url", f"http://{server.http}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "X[2]" in shown.stdout
    assert httpx.delete(f"http://{server.http}/v2/headrace/drift/m").status_code == 200
    assert told(server)["versions"] == []


def test_a_label_is_joined_with_its_answer(server: Program) -> None:
    tensor = {"name": "X", "datatype": "FP32", "shape": [1, 3], "data": [0.0, 5.0, 1.0]}
    with httpx.Client(base_url=f"http://{server.http}") as client:
        client.post("/v2/models/m/infer", json={"id": "mine", "inputs": [tensor]})
        right = client.post("/v2/headrace/feedback", json={"id": "mine", "label": 1})
        again = client.post("/v2/headrace/feedback", json={"id": "mine", "label": 1})
        changed = client.post("/v2/headrace/feedback", json={"id": "mine", "label": 2})
        unknown = client.post("/v2/headrace/feedback", json={"id": "nobody's", "label": 1})
    assert (right.status_code, right.json()["right"], right.json()["outcome"]) == (200, 1, "counted")
    assert (again.json()["outcome"], changed.json()["outcome"]) == ("again", "replaced")
    assert unknown.status_code == 404
    assert [minute["accuracy"] for minute in told(server)["versions"][0]["feedback"]] == [0.0]
    foreign = {"origin": "http://elsewhere.example"}
    refused = httpx.post(f"http://{server.http}/v2/headrace/feedback", content=json.dumps({}), headers=foreign)
    assert refused.status_code == 403
