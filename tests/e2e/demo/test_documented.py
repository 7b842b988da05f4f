"""The requests that docs/models.md shows are answered."""

import json
import re
import shlex

import pytest

from headrace.cli.main import main
from tests.program import ROOT, Program

COMMANDS = re.findall(
    r"^\.venv/bin/headrace (infer (\w+) .*)$", (ROOT / "docs" / "models.md").read_text(), re.MULTILINE
)


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command, _ in COMMANDS], ids=[model for _, model in COMMANDS])
def test_a_documented_request_is_answered(command: str, demo: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*shlex.split(command), "--url", f"http://{demo.http}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"]


def test_each_demo_model_has_a_documented_request() -> None:
    first_table = (ROOT / "docs" / "models.md").read_text().partition("\n\n`minilm` has")[0]
    documented = re.findall(r"^\| `(\w+)` \|", first_table, re.MULTILINE)
    assert [model for _, model in COMMANDS] == documented
