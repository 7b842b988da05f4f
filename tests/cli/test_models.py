"""`headrace models`."""

import json
from pathlib import Path

import pytest

from headrace.cli.main import main

FAKE = """
inputs = [{ name = "x", shape = [-1, 4] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "model.fake").write_text(FAKE)
    return tmp_path


def test_a_model_is_loaded_and_shown_with_its_batch_axis(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", str(repository)]) == 0
    shown = capsys.readouterr().out
    assert "x FP32 [?, 4]" in shown
    assert "up to 64 rows" in shown


def test_a_model_that_cannot_be_served_is_shown_with_the_reason(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "bad").mkdir()
    (repository / "bad" / "model.onnx").write_bytes(b"")
    assert main(["models", str(repository), "--json"]) == 1
    bad, good = json.loads(capsys.readouterr().out)
    assert (bad["name"], bad["state"]) == ("bad", "UNAVAILABLE")
    assert bad["reason"]
    assert (good["name"], good["state"]) == ("good", "READY")


def test_a_path_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_folder_of_what_is_no_model_says_what_makes_one_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "resnet.pt").touch()
    assert main(["models", str(tmp_path)]) == 0
    assert "There are no models" in (shown := capsys.readouterr().out)
    assert "resnet.pt is PyTorch's" in shown
