"""What a configuration may be before a parser has it."""

import os
from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.configuration import MAX_BYTES, read_configuration


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(read_configuration(file, "model.toml")) == MAX_BYTES


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.touch()
    os.truncate(file, 1 << 40)
    with pytest.raises(ModelInvalid, match=r"^1/model.toml: is larger than 1 MiB"):
        read_configuration(file, "1/model.toml")
