"""What a real server serves follows the files of its repository."""

import http.client
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})
QUICK = (*ANY_PORTS, "--set", "models.settle_s=0.05")


def put(repository: Path, version: int, text: str = MODEL) -> None:
    folder = repository / "m" / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.fake").write_text(text)


def ask(program: Program, path: str, sent: str = "", method: str = "POST") -> Any:
    connection = http.client.HTTPConnection(program.http, timeout=60)
    try:
        connection.request(method, path, sent)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body) if body else None
    finally:
        connection.close()


def wait_for(program: Program, *expected: tuple[str, str]) -> list[dict[str, str]]:
    """Until the index has these versions and states."""
    until = time.monotonic() + 30
    index: list[dict[str, str]] = []
    while time.monotonic() < until:
        index = ask(program, "/v2/repository/index")
        if [(line.get("version"), line["state"]) for line in index] == list(expected):
            return index
    raise AssertionError(index)


def test_versions_that_come_change_and_go_are_followed(tmp_path: Path) -> None:
    put(tmp_path, 1)
    with serving(tmp_path, *QUICK) as program:
        put(tmp_path, 2)
        wait_for(program, ("1", "UNAVAILABLE"), ("2", "READY"))
        put(tmp_path, 3, "inputs = 3")
        index = wait_for(program, ("1", "UNAVAILABLE"), ("2", "READY"), ("3", "UNAVAILABLE"))
        assert "inputs" in index[-1]["reason"]
        put(tmp_path, 3)
        wait_for(program, ("1", "UNAVAILABLE"), ("2", "UNAVAILABLE"), ("3", "READY"))
        shutil.rmtree(tmp_path / "m" / "3")
        wait_for(program, ("1", "UNAVAILABLE"), ("2", "READY"))
        assert program.stop() == 0


def test_labels_stand_for_versions_and_are_known_to_the_next_start(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for version in (1, 2):
        put(models, version)
    flags = (*QUICK, "--set", f"state.dir={tmp_path / 'state'}")
    with serving(models, *flags) as program:
        assert ask(program, "/v2/headrace/models/m/labels/stable", '{"version":"1"}', "PUT")["version"] == "1"
        assert ask(program, "/v2/models/m/versions/stable/infer", BODY)["model_version"] == "1"
        assert ask(program, "/v2/models/m/infer", BODY)["model_version"] == "1"
        assert program.stop() == 0
    with serving(models, *flags) as program:
        assert ask(program, "/v2/models/m/infer", BODY)["model_version"] == "1"
        assert ask(program, "/v2/headrace/models/m/labels/stable", "", "DELETE") is None
        assert ask(program, "/v2/models/m/infer", BODY)["model_version"] == "2"
        put(models, 3)
        wait_for(program, ("1", "UNAVAILABLE"), ("2", "UNAVAILABLE"), ("3", "READY"))
        assert ask(program, "/v2/headrace/models/m/rollback")["version"] == "2"
        assert program.stop() == 0


def test_a_stream_that_is_open_finishes_on_the_version_that_it_began_with(tmp_path: Path) -> None:
    for version, delay_ms in ((1, 20), (2, 0)):
        (tmp_path / "words" / str(version)).mkdir(parents=True)
        (tmp_path / "words" / str(version) / "model.fakellm").write_text(f"delay_ms = {delay_ms}\n")
    (tmp_path / "words" / "model.toml").write_text("version_policy = [1]\n")
    with serving(tmp_path, *QUICK, "--set", "models.control=explicit", "--set", "models.load=*") as program:
        connection = http.client.HTTPConnection(program.http, timeout=60)
        said = {"model": "words", "prompt": "a b c", "max_tokens": 60, "stream": True, "ignore_eos": True}
        connection.request("POST", "/v1/completions", json.dumps(said), {"Content-Type": "application/json"})
        stream = connection.getresponse()
        lines = [stream.readline()]
        (tmp_path / "words" / "model.toml").write_text("version_policy = [2]\n")
        ask(program, "/v2/repository/models/words/load")
        index = ask(program, "/v2/repository/index")
        assert [(line["version"], line["state"]) for line in index] == [("1", "UNLOADING"), ("2", "READY")]
        lines += stream.read().splitlines()
        connection.close()
        texts = [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]
        assert texts[-1]["choices"][0]["finish_reason"] == "length"
        assert b"data: [DONE]" in lines
        wait_for(program, ("1", "UNAVAILABLE"), ("2", "READY"))
        assert program.stop() == 0


def test_an_explicit_server_loads_what_it_is_asked_for(tmp_path: Path) -> None:
    put(tmp_path, 1)
    with serving(tmp_path, *QUICK, "--set", "models.control=explicit") as program:
        wait_for(program, ("1", "UNAVAILABLE"))
        ask(program, "/v2/repository/models/m/load")
        wait_for(program, ("1", "READY"))
        ask(program, "/v2/repository/models/m/unload")
        wait_for(program, ("1", "UNAVAILABLE"))
        assert program.stop() == 0
