"""A folder that is opened and computed plainly gives what `transformers` gives for the same folder."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.weights.open import open_checkpoint
from headrace.weights.reach import reaching
from tests.weights.models import write_folder
from tests.weights.reference import TEXT, VARIANTS, answer

GOLDEN = Path(__file__).parent / "golden.npz"
"""Written by tools/golden_checkpoints.py."""


@pytest.mark.parametrize("name", VARIANTS)
def test_every_family_answers_as_its_folder_says(tmp_path: Path, name: str) -> None:
    with np.load(GOLDEN) as golden:
        expected = golden[name]
    checkpoint = open_checkpoint(write_folder(tmp_path, VARIANTS[name]))
    reached = reaching(checkpoint.architecture, len(TEXT))
    found = answer(msgspec.structs.replace(checkpoint, architecture=reached), TEXT)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4
