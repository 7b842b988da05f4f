"""What is committed is what the script makes."""

import shutil
from pathlib import Path

import pytest

from tools.generate_protos import FOLDER, generate, in_own_pool

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_committed_messages_are_the_ones_that_the_proto_files_give(tmp_path: Path) -> None:
    made = tmp_path / FOLDER
    made.mkdir(parents=True)
    for proto in (ROOT / FOLDER).glob("*.proto"):
        shutil.copy(proto, made)
    generate(tmp_path)
    for path in [*made.glob("*_pb2.py"), *made.glob("*.pyi")]:
        assert path.read_text() == (ROOT / FOLDER / path.name).read_text()


def test_a_module_that_the_script_does_not_know_is_refused() -> None:
    with pytest.raises(RuntimeError, match="does not know"):
        in_own_pool("DESCRIPTOR = None")
