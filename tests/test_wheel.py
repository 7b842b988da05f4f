"""The wheel: it builds, holds what is needed, and serves a model where only it is installed."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from headrace.batching import queue
from tests.program import serving

ROOT = Path(__file__).parent.parent
FAKE = """
inputs = [{ name = "x", shape = [-1, 4] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
ASKED = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [5, 6, 7, 8]}]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"), {})


def built(folder: Path, environment: dict[str, str]) -> Path:
    """The wheel of a copy of the source, so that nothing is left in it."""
    source, made = folder / "source", folder / "made"
    shutil.copytree(ROOT / "headrace", source / "headrace", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(source)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    (path,) = made.glob("*.whl")
    return path


def compiled_in(wheel: Path) -> list[str]:
    return [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """A folder with the installed wheel, and nothing else of headrace."""
    folder = tmp_path / "site"
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_the_wheel_holds_types_messages_and_the_licence_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "headrace/py.typed" in names
    assert {"headrace/playground/static/index.html", "headrace/playground/static/app.js"} <= set(names)
    assert {f"headrace/kernels/source/{name}" for name in ("operations.cpp", "product.h")} <= set(names)
    assert any(name.startswith("headrace/generated/") and name.endswith("_pb2.py") for name in names)
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "tools/", "benchmarks/"))]


@pytest.mark.slow
def test_what_is_installed_serves_a_model_and_drains(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "slice.fake").write_text(FAKE)
    with serving(tmp_path / "slice.fake", source=installed) as server:
        request = Request(f"http://{server.http}/v2/models/slice/infer", json.dumps(ASKED).encode())
        with urlopen(request, timeout=30) as answer:
            assert json.load(answer)["outputs"][0]["data"] == [5, 6]
        assert server.stop() == 0


@pytest.mark.slow
@pytest.mark.skipif(queue.__file__.endswith(".py"), reason="nothing is compiled here")
def test_what_decides_is_compiled_in_it(wheel: Path, installed: Path) -> None:
    assert len(compiled_in(wheel)) > 20
    told = [sys.executable, "-c", "from headrace.batching import queue; print(queue.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(told, check=True, capture_output=True, text=True, env=environment, cwd=installed)
    assert Path(done.stdout).parent == installed / "headrace" / "batching"
    assert ".so" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"HEADRACE_PURE": "1"}, {"CC": "no-such-compiler"}, {"CC": "false"}])
def test_without_a_compiler_it_is_python(tmp_path: Path, environment: dict[str, str]) -> None:
    wheel = built(tmp_path, environment)
    assert compiled_in(wheel) == []
    assert wheel.name.endswith("-py3-none-any.whl")
