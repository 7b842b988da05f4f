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

from tests.program import serving
from tools.add_sub_onnx import write_add_sub

README = Path(__file__).parent.parent / "README.md"


def _block(word: str) -> str:
    """The code block of the README that has this word in it, its fences and language taken off."""
    blocks: list[str] = re.findall(r"^```\w*\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if word in block)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server answers that has the add_sub model."""
    folder = tmp_path_factory.mktemp("models") / "add_sub"
    folder.mkdir()
    write_add_sub(folder / "model.onnx")
    with serving(folder.parent) as server:
        yield server.http


@pytest.mark.slow
def test_the_shell_example_works(address: str) -> None:
    program, *arguments = shlex.split(_block("headrace infer"))
    assert program == ".venv/bin/headrace"
    command = [sys.executable, "-m", "headrace", *arguments, "--url", f"http://{address}", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {output["name"]: output["data"][0] for output in json.loads(shown)["outputs"]} == {
        "OUTPUT0": 2,
        "OUTPUT1": 0,
    }


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_example_works(address: str) -> None:
    command = shlex.split(_block("curl").replace("localhost:8000", address))
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert shown["outputs"][0]["data"] == list(range(2, 18))


@pytest.mark.slow
def test_the_python_example_works(address: str) -> None:
    code = _block("tritonclient").replace("localhost:8000", address)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["[[2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2]]"]
