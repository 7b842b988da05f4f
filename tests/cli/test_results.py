"""Where a verb's results go."""

from pathlib import Path

import pytest

from headrace.cli.failure import Failure
from headrace.cli.results import as_json, write


def test_a_result_goes_to_its_file_or_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(str(tmp_path / "a"), as_json({"a": 1}))
    write("-", "told")
    assert (tmp_path / "a").read_text() == '{\n  "a": 1\n}\n'
    assert capsys.readouterr().out == "told"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be written: Is a directory"):
        write(str(tmp_path), "")
