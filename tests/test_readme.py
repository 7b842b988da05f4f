"""What the README tells a newcomer to type works, against a server with the model that it asks."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import Program, serving
from tools.add_sub_onnx import write_add_sub

README = Path(__file__).parent.parent / "README.md"


def _block(word: str) -> str:
    """The code block of the README that has this word in it, its fences and language taken off."""
    blocks: list[str] = re.findall(r"^```\w*\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if word in block)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server that has the add_sub model."""
    folder = tmp_path_factory.mktemp("models") / "add_sub"
    folder.mkdir()
    write_add_sub(folder / "model.onnx")
    with serving(folder.parent) as running:
        yield running


@pytest.mark.slow
def test_the_shell_example_works(server: Program) -> None:
    program, *arguments = shlex.split(_block("headrace infer add_sub"))
    assert program == ".venv/bin/headrace"
    command = [sys.executable, "-m", "headrace", *arguments, "--url", f"http://{server.http}", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {output["name"]: output["data"][0] for output in json.loads(shown)["outputs"]} == {
        "OUTPUT0": 2,
        "OUTPUT1": 0,
    }


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_example_works(server: Program) -> None:
    command = shlex.split(_block("curl").replace("localhost:8000", server.http))
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert shown["outputs"][0]["data"] == list(range(2, 18))


@pytest.mark.slow
@pytest.mark.parametrize("client", ["tritonclient.http", "tritonclient.grpc"])
def test_the_python_example_works(client: str, server: Program) -> None:
    code = _block(f"import {client}").replace("localhost:8000", server.http).replace("localhost:8001", server.grpc)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"\d+", shown) == ["2"] * 16
