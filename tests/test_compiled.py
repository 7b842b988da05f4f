"""What is compiled (pyproject.toml, tool.headrace) decides as its sources do, and holds nothing that would differ."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILED: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["headrace"]["compiled"]
AS_PYTHON = """
import sys
from importlib.machinery import FileFinder, SourceFileLoader

def sources(path):
    if "headrace" not in path:
        raise ImportError(path)
    return FileFinder(path, (SourceFileLoader, [".py"]))

sys.path_hooks.insert(0, sources)
"""
DECIDE = """
import sys
from benchmarks.bench_policy import encoder
from headrace.arrivals import POISSON, make_arrivals, parse_lengths
from headrace.batching import queue
from headrace.simulate.policies import parse_policies
from headrace.simulate.scenario import Scenario
from headrace.simulate.simulation import Simulation

(chosen,) = parse_policies("deadline")
lengths = parse_lengths("lognormal:24:0.8:5:256")
for rate in (500.0, 1100.0, 2200.0):
    simulation = Simulation(Scenario(encoder().to_json(), slo_ns=100_000_000), chosen)
    outcomes = simulation.open(make_arrivals(POISSON, rate, 5.0, seed=1, lengths=lengths))
    print(bytes(outcomes.verdicts).hex(), outcomes.done_ns.tolist(), simulation.runs)
print(queue.__file__, file=sys.stderr)
"""


@pytest.mark.parametrize("path", COMPILED)
def test_nothing_in_a_compiled_module_means_something_else_there(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    arguments = {id(each) for call in ast.walk(tree) if isinstance(call, ast.Call) for each in call.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.GeneratorExp):
            assert id(node) in arguments, f"{path}:{node.lineno}: it would be a list; write a function that yields"
        if isinstance(node, ast.ClassDef):
            assert "Struct" not in " ".join(map(ast.unparse, node.bases)), f"{path}: {node.name} would not be frozen"


@pytest.mark.slow
def test_what_is_compiled_decides_as_its_sources_do() -> None:
    compiled, python = decided(DECIDE), decided(AS_PYTHON + DECIDE)
    assert python.stderr.strip().endswith(".py")
    if compiled.stderr.strip().endswith(".py"):
        pytest.skip("nothing is compiled here")
    assert compiled.stdout == python.stdout


@pytest.mark.slow
def test_the_command_finds_what_is_compiled_from_anywhere(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("headrace")
    if not command.exists():
        pytest.skip("headrace is not installed here")
    subprocess.run([command, "models", tmp_path], check=True, capture_output=True, cwd=tmp_path)


def decided(script: str) -> subprocess.CompletedProcess[str]:
    """A few thousand simulated requests at three loads: what became of each, and when."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
