"""Servers that the whole run shares: starting one for each test would take longer than the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import ANY_PORTS, ROOT, Program, serving

SHARED_MEMORY = ("--set", "protocols.oip.shared_memory=true")


@pytest.fixture(scope="session")
def models() -> Path:
    """The demo repository, as `make setup` places it."""
    folder = ROOT / "models"
    assert (folder / "minilm" / "1" / "model.onnx").exists(), "the demo models are not here: run `make setup`"
    return folder


@pytest.fixture(scope="session")
def demo(models: Path) -> Iterator[Program]:
    """`headrace serve models`, shared memory allowed."""
    with serving(models, *ANY_PORTS, *SHARED_MEMORY) as program:
        yield program
        assert program.stop() == 0
