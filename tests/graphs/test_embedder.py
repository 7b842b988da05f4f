"""A decoder that embeds reads a text as it would to go on with it, and pools what it has read."""

from typing import Any

import msgspec
import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.graphs.embedder import build_embedder
from headrace.graphs.linear import Precision
from headrace.weights.checkpoint import Checkpoint
from tests.graphs.paged import F32
from tests.graphs.tiny import CONTEXT, VARIANTS, golden_checkpoint, tokens
from tests.weights.reference import hidden

TEXT = tokens(64)
EMBEDDERS = [name for name, each in VARIANTS.items() if each.family != "bert" and not each.attention_softcap]


def given(name: str, **changes: Any) -> Checkpoint:
    found = golden_checkpoint(name)
    facts = msgspec.structs.replace(found.architecture, **{"pooling": ("last",)} | changes)
    return msgspec.structs.replace(found, architecture=facts)


def embed(model: Checkpoint, *texts: NDArray[np.int64], max_tokens: int = CONTEXT) -> NDArray[np.float32]:
    longest = max(map(len, texts))
    ids = np.stack([np.pad(text, (0, longest - len(text)), constant_values=9) for text in texts])
    mask = np.stack([np.arange(longest) < len(text) for text in texts]).astype(np.int64)
    compiled = ov.Core().compile_model(build_embedder(model, Precision(), max_tokens), "CPU", F32)
    found: NDArray[np.float32] = np.array(compiled({"input_ids": ids, "attention_mask": mask})[0])
    return found


@pytest.mark.parametrize("name", EMBEDDERS)
def test_the_last_token_is_what_the_plain_way_has_of_it_alone_and_padded(name: str) -> None:
    found = embed(given(name), TEXT, TEXT[:11])
    assert np.abs(found[0] - hidden(given(name), TEXT)[-1]).max() < 1e-3
    assert np.abs(found[1] - hidden(given(name), TEXT[:11])[-1]).max() < 1e-3
    assert np.abs(found[1] - embed(given(name), TEXT[:11])[0]).max() < 1e-5


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_where_the_whole_text_is_seen_padding_is_not(name: str) -> None:
    model = given(name, sees_all=True, pooling=("cls",))
    found = embed(model, TEXT, TEXT[:11])
    for row, length in zip(found, (64, 11), strict=True):
        assert np.abs(row - hidden(model, TEXT[:length])[0]).max() < 1e-3
    assert np.abs(found[1] - embed(given(name, pooling=("cls",)), TEXT[:11])[0]).max() > 0.1


@pytest.mark.parametrize("name", ["mistral", "gemma3"])
def test_a_window_that_holds_every_text_is_none_but_keeps_its_rotation(name: str) -> None:
    model = given(name)
    short = build_embedder(model, Precision(), 8)
    assert not [node for node in short.get_ops() if node.get_type_name() == "Less"]
    assert np.abs(embed(model, TEXT[:8], max_tokens=8)[0] - hidden(model, TEXT[:8])[-1]).max() < 1e-3


def test_a_soft_cap_on_scores_is_refused_by_its_name() -> None:
    with pytest.raises(ModelInvalid) as refusal:
        build_embedder(given("gemma2"), Precision(), CONTEXT)
    assert refusal.value.where == "attention_softcap"
