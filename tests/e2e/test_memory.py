"""A real server loads on request, keeps to its budget, and says with numbers what does not fit."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.onnx_models import graph, node, save, value
from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

SIDE = 8000
"""Squared, 256 MB of 32-bit floats: beside one such model there is no room in `BUDGET` for the loading of another."""

BUDGET = 760 << 20
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for number, name in enumerate(("a", "b")):
        weights = {
            "first": np.full((4, SIDE), 0.1, np.float32),
            "second": np.full((SIDE, SIDE), number + 0.1, np.float32),
        }
        nodes = [node("MatMul", "x first", "h"), node("MatMul", "h second", "y")]
        made = graph(nodes, [value("x", "FP32", ("batch", 4))], [value("y", "FP32", ("batch", SIDE))], weights)
        save(made, tmp_path / name)
        (tmp_path / name / "model.toml").write_text("batching = true\n")
    return tmp_path


@pytest.fixture(autouse=True)
def empty_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What other servers have learnt or were told is not known here."""
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path_factory.mktemp(variable)))
    yield


def flags(*settings: str) -> list[str]:
    all_of_them = ("batching.sweep_s=0", "batching.lanes=1", f"memory.budget={BUDGET}B", *settings)
    return [*ANY_PORTS, *(flag for setting in all_of_them for flag in ("--set", setting))]


def ask(program: Program, method: str, path: str, sent: str = "") -> tuple[int, Any]:
    connection = HTTPConnection(program.http, timeout=120)
    try:
        connection.request(method, path, sent)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else None
    finally:
        connection.close()


def index(program: Program) -> dict[str, tuple[str, str]]:
    _, told = ask(program, "POST", "/v2/repository/index")
    return {line["name"]: (line["state"], line.get("reason", "")) for line in told}


def at_once(program: Program, method: str, paths: list[str], sent: str = "") -> list[tuple[int, Any]]:
    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda path: ask(program, method, path, sent), paths))


def test_a_model_is_loaded_by_the_first_request_and_leaves_for_the_next(repository: Path) -> None:
    with serving(repository, *flags("models.lazy=true")) as program:
        assert set(index(program).values()) == {("UNAVAILABLE", "unloaded: loads on request")}
        assert ask(program, "GET", "/v2/models/a/ready")[0] == 200
        answers = at_once(program, "POST", ["/v2/models/a/infer", "/v2/models/b/infer"] * 3, BODY)
        assert [status for status, _ in answers] == [200] * 6
        assert sorted(state for state, _ in index(program).values()) == ["READY", "UNAVAILABLE"]
        asleep = next(name for name, (state, _) in index(program).items() if state == "UNAVAILABLE")
        status, metadata = ask(program, "GET", f"/v2/models/{asleep}")
        assert (status, metadata["inputs"][0]["shape"]) == (200, [-1, 4])
        assert sorted(state for state, _ in index(program).values()) == ["READY", "UNAVAILABLE"]
        _, memory = ask(program, "GET", "/v2/headrace/memory")
        assert memory["measured_bytes"] <= BUDGET
        assert memory["requests_for_sleeping"] >= 2


def test_of_two_pinned_loads_at_once_one_is_refused_with_the_numbers(repository: Path) -> None:
    with serving(repository, *flags("models.control=explicit")) as program:
        for name in ("a", "b"):
            assert ask(program, "PUT", f"/v2/headrace/models/{name}/pin", '{"pinned":true}')[0] == 200
        answers = at_once(program, "POST", [f"/v2/repository/models/{name}/load" for name in ("a", "b")])
        assert sorted(status for status, _ in answers) == [200, 503]
        (refusal,) = [told for status, told in answers if status == 503]
        assert refusal["code"] == "memory_full"
        for said in ("needs", "at its peak", "of memory.budget, 760.0 MiB, are free", "pinned", "server"):
            assert said in refusal["error"]
        assert sorted(state for state, _ in index(program).values()) == ["READY", "UNAVAILABLE"]


def test_of_two_that_are_not_pinned_the_second_has_the_first_leave(repository: Path) -> None:
    with serving(repository, *flags("models.control=explicit")) as program:
        answers = at_once(program, "POST", [f"/v2/repository/models/{name}/load" for name in ("a", "b")])
        assert [status for status, _ in answers] == [200, 200], answers
        assert sorted(state for state, _ in index(program).values()) == ["READY", "UNAVAILABLE"]
