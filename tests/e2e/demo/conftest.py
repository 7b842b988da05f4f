"""The demo models behind `headrace serve`, once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import ANY_PORTS, ROOT, Program, serving


@pytest.fixture(scope="session")
def repository() -> Path:
    """The demo repository, as `make setup` places it."""
    folder = ROOT / "models"
    assert (folder / "minilm" / "1" / "model.onnx").exists(), "the demo models are not here: run `make setup`"
    return folder


@pytest.fixture(scope="session")
def demo(repository: Path) -> Iterator[Program]:
    with serving(repository, *ANY_PORTS, "--set", "protocols.oip.shared_memory=true") as program:
        yield program
        assert program.stop() == 0
