"""An encoder answers as `transformers` does, and padding changes nothing."""

from pathlib import Path

import msgspec
import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.graphs.encoder import build_encoder
from headrace.graphs.linear import Precision
from headrace.weights.checkpoint import Checkpoint, Pooling, Rope
from headrace.weights.open import open_checkpoint
from tests.graphs.paged import F32
from tests.graphs.tiny import golden, golden_checkpoint, tokens
from tests.weights.models import ENCODERS, write_folder
from tests.weights.reference import TEXT as FOLDERS_TEXT
from tests.weights.reference import VARIANTS, answer
from tests.weights.test_against_transformers import GOLDEN

TEXT = tokens(64)


def encode(given: Checkpoint, texts: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    longest = max(map(len, texts))
    ids = np.stack([np.pad(text, (0, longest - len(text)), constant_values=9) for text in texts])
    mask = np.stack([np.arange(longest) < len(text) for text in texts]).astype(np.int64)
    request = ov.Core().compile_model(build_encoder(given, Precision()), "CPU", F32).create_infer_request()
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    request.infer({name: array for name, array in inputs.items() if name != "token_type_ids" or has_types(given)})
    found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return found


def has_types(given: Checkpoint) -> bool:
    return given.architecture.types


def pooled(*pooling: Pooling) -> Checkpoint:
    given = golden_checkpoint("bert")
    return msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, pooling=pooling))


def unpooled(given: Checkpoint) -> Checkpoint:
    return msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, pooling=()))


def test_hidden_states_are_those_of_transformers() -> None:
    assert np.abs(encode(golden_checkpoint("bert"), [TEXT])[0] - golden("bert").logits).max() < 1e-3


def test_logits_of_a_cross_encoder_are_those_of_transformers() -> None:
    found = encode(golden_checkpoint("bert_classifier"), [TEXT])
    assert np.abs(found[0] - golden("bert_classifier").logits).max() < 1e-3


@pytest.mark.parametrize("name", [name for name, told in VARIANTS.items() if told["model_type"] in ENCODERS])
def test_so_is_what_every_kin_of_bert_gives_alone_and_padded(tmp_path: Path, name: str) -> None:
    given = unpooled(open_checkpoint(write_folder(tmp_path, VARIANTS[name])))
    longer = np.concatenate([FOLDERS_TEXT, FOLDERS_TEXT])
    with np.load(GOLDEN) as golden:
        expected = golden[name]
    for texts in ([FOLDERS_TEXT], [FOLDERS_TEXT, longer]):
        found = encode(given, texts)[0]
        assert np.abs((found if given.architecture.labels else found[: len(FOLDERS_TEXT)]) - expected).max() < 1e-3
    assert np.abs(encode(given, [longer])[0] - answer(given, longer)).max() < 1e-3


def test_a_text_padded_in_a_batch_is_read_as_if_alone() -> None:
    short = TEXT[:11]
    alone = encode(golden_checkpoint("bert"), [short])[0]
    assert np.abs(encode(golden_checkpoint("bert"), [short, TEXT])[0, :11] - alone).max() < 1e-4


def test_the_mean_leaves_padding_out() -> None:
    alone = encode(golden_checkpoint("bert"), [TEXT[:11]])[0].mean(0)
    assert np.abs(encode(pooled("mean"), [TEXT, TEXT[:11]])[1] - alone).max() < 1e-4


@pytest.mark.parametrize(("pooling", "at"), [("cls", 0), ("last", 10)])
def test_one_token_stands_for_the_text(pooling: Pooling, at: int) -> None:
    alone = encode(golden_checkpoint("bert"), [TEXT[:11]])[0, at]
    assert np.abs(encode(pooled(pooling), [TEXT, TEXT[:11]])[1] - alone).max() < 1e-4


def test_rotary_positions_are_refused() -> None:
    given = golden_checkpoint("bert")
    wrong = msgspec.structs.replace(given.architecture, rope=Rope((1.0,)))
    with pytest.raises(ModelInvalid) as refusal:
        build_encoder(msgspec.structs.replace(given, architecture=wrong), Precision())
    assert refusal.value.where == "rope"
