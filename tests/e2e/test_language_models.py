"""A language model without weights behind a real server: asked by tensors, left alone by its callers, killed."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.server import children
from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

GREEDY = {"temperature": 0, "max_tokens": 8, "ignore_eos": True}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("repository")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("delay_ms = 2\n")
    (folder / "words" / "model.toml").write_text("[llm]\nmax_context = 300\n")
    (folder / "broken.gguf").write_bytes(b"GGUF")
    with serving(folder, *ANY_PORTS) as made:
        yield made


def ask(program: Program, path: str, body: object) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(program.http, timeout=30)
    connection.request("POST", path, json.dumps(body))
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def infer(program: Program, text: str, **more: object) -> tuple[int, Any]:
    inputs = [{"name": "text_input", "datatype": "BYTES", "shape": [1], "data": [text]}]
    return ask(program, "/v2/models/words/infer", {"inputs": inputs, "parameters": GREEDY, **more})


def worker_of(program: Program) -> int:
    """The process of the one language model that is loaded."""
    (found,) = children(program.process.pid)
    return found


def test_a_text_is_continued(program: Program) -> None:
    status, found = infer(program, "Hello")
    (output,) = found["outputs"]
    assert (status, output["name"], output["shape"]) == (200, "text_output", [1])
    assert output["data"][0].startswith("Hello")
    assert len(output["data"][0]) == 5 + 8


def test_a_prompt_that_cannot_fit_is_refused_by_its_name(program: Program) -> None:
    status, found = infer(program, "x" * 400)
    assert status == 400
    assert "text_input: is 400 tokens; the context holds 300" in found["error"]


def test_what_the_model_is_not_is_told(program: Program) -> None:
    _, index = ask(program, "/v2/repository/index", {})
    (broken,) = [line for line in index if line["name"] == "broken"]
    assert broken["state"] == "UNAVAILABLE"
    assert broken["reason"]


def test_after_the_death_of_its_process_it_goes_on(program: Program) -> None:
    before = infer(program, "Hello")
    pid = worker_of(program)
    os.kill(pid, signal.SIGKILL)
    assert infer(program, "Hello") == before
    assert worker_of(program) != pid
