"""A ModernBERT folder answers as `transformers` does, and padding changes nothing."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from headrace.graphs.linear import Precision
from headrace.graphs.modern_encoder import build_modern_encoder
from headrace.weights.checkpoint import Checkpoint
from headrace.weights.open import open_checkpoint
from tests.graphs.paged import F32
from tests.weights.models import write_folder
from tests.weights.modern import MODERN, TEXTS, modern_tensors

GOLDEN = Path(__file__).parents[1] / "weights" / "golden_modern.npz"
"""Written by tools/golden_modern.py."""


def opened(tmp_path: Path, name: str, **facts: Any) -> Checkpoint:
    """Its last hidden states are wanted, unless it is a cross-encoder."""
    found = open_checkpoint(write_folder(tmp_path, MODERN[name], modern_tensors(MODERN[name])))
    told = facts if found.architecture.labels else {"pooling": ()} | facts
    return msgspec.structs.replace(found, architecture=msgspec.structs.replace(found.architecture, **told))


def encode(given: Checkpoint, *texts: NDArray[np.int64], max_tokens: int = 64) -> NDArray[np.float32]:
    longest = max(map(len, texts))
    ids = np.stack([np.pad(text, (0, longest - len(text)), constant_values=9) for text in texts])
    mask = np.stack([np.arange(longest) < len(text) for text in texts]).astype(np.int64)
    model = build_modern_encoder(given, Precision(), max_tokens)
    request = ov.Core().compile_model(model, "CPU", F32).create_infer_request()
    request.infer({"input_ids": ids, "attention_mask": mask})
    found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return found


@pytest.mark.parametrize("name", MODERN)
def test_every_folder_answers_as_in_transformers_alone_and_in_company(tmp_path: Path, name: str) -> None:
    given = opened(tmp_path, name)
    together = encode(given, *TEXTS)
    with np.load(GOLDEN) as golden:
        for text, row in zip(TEXTS, together, strict=True):
            expected = golden[f"{name}_{len(text)}"]
            assert np.abs(row[: len(expected)] - expected).max() < 1e-4
            assert np.abs(encode(given, text)[0] - expected).max() < 1e-4


def test_a_window_that_holds_every_text_hides_nothing(tmp_path: Path) -> None:
    given = opened(tmp_path, "plain", windows=(0, 17, 17, 0))
    assert np.abs(encode(given, TEXTS[1], max_tokens=17) - encode(given, TEXTS[1], max_tokens=64)).max() < 1e-5


def test_the_mean_leaves_padding_out(tmp_path: Path) -> None:
    given = opened(tmp_path, "plain", pooling=("mean",))
    alone = encode(opened(tmp_path, "plain"), TEXTS[1])[0].mean(0)
    assert np.abs(encode(given, *TEXTS)[1] - alone).max() < 1e-5
