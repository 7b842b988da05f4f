"""The whole server as a process: it answers, drains, and ends as it should."""

import http.client
import json
import threading
from pathlib import Path

import pytest

from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

MODEL = """
delay_ms = %d
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})


def repository(folder: Path, delay_ms: int = 0) -> Path:
    (folder / "m").mkdir()
    (folder / "m" / "model.fake").write_text(MODEL % delay_ms)
    return folder


def ask(program: Program, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(program.http, timeout=60)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_request_is_answered_counted_and_measured(tmp_path: Path) -> None:
    with serving(repository(tmp_path)) as program:
        status, body = ask(program, "POST", "/v2/models/m/infer", BODY)
        assert (status, json.loads(body)["outputs"][0]["data"]) == (200, [1, 2])
        stats = json.loads(ask(program, "GET", "/v2/models/m/stats")[1])["model_stats"][0]
        assert (stats["inference_count"], stats["execution_count"]) == (1, 1)
        page = ask(program, "GET", "/metrics")[1].decode()
        assert 'nv_inference_request_success{model="m",version="1"} 1' in page
        assert program.stop() == 0


def answers_at_the_end(program: Program) -> list[tuple[int, bytes]]:
    """What a request is answered that is under way when the server is told to end."""
    answers: list[tuple[int, bytes]] = []
    asking = threading.Thread(target=lambda: answers.append(ask(program, "POST", "/v2/models/m/infer", BODY)))
    asking.start()
    while "headrace_requests_in_flight 1" not in ask(program, "GET", "/metrics")[1].decode():
        pass
    assert program.stop() == 0
    asking.join()
    return answers


def test_a_request_under_way_is_finished_before_the_server_ends(tmp_path: Path) -> None:
    with serving(repository(tmp_path, delay_ms=300)) as program:
        answers = answers_at_the_end(program)
        assert [status for status, _ in answers] == [200]


def test_a_request_that_outlasts_the_drain_is_told_so_and_the_server_ends(tmp_path: Path) -> None:
    folder = repository(tmp_path)
    (folder / "m" / "model.fake").write_text("hang_on = 1\n" + MODEL % 0)
    with serving(folder, *ANY_PORTS, "--set", "server.drain_s=0.1") as program:
        answers = answers_at_the_end(program)
        assert [(status, json.loads(body)["code"]) for status, body in answers] == [(503, "draining")]


def test_a_model_that_crashes_the_worker_does_not_crash_the_server(tmp_path: Path) -> None:
    folder = repository(tmp_path)
    (folder / "m" / "model.fake").write_text("crash_on = 1\n" + MODEL % 0)
    with serving(folder) as program:
        status, body = ask(program, "POST", "/v2/models/m/infer", BODY)
        assert (status, b"exited with status 70" in body) == (503, True)
        good = BODY.replace("[1, 2]}", "[5, 6]}")
        assert ask(program, "POST", "/v2/models/m/infer", good)[0] == 200
        assert program.stop() == 0
