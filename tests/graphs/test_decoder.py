"""Every family answers as `transformers` does, however its text is cut into steps."""

from typing import Any

import msgspec
import numpy as np
import openvino as ov
import pytest

from headrace.errors import ModelInvalid
from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.weights.checkpoint import Rope
from tests.graphs.paged import Paged
from tests.graphs.tiny import (
    CONTEXT,
    HIDDEN,
    INNER,
    VARIANTS,
    architecture,
    checkpoint,
    golden,
    golden_checkpoint,
    tokens,
    weights,
)
from tests.graphs.tiny import plain_rope as rope_of
from tests.weights.reference import answer

DECODERS = [name for name, variant in VARIANTS.items() if variant.family != "bert"]
TEXT = tokens(64)


@pytest.mark.parametrize("name", DECODERS)
def test_logits_are_those_of_transformers_however_the_text_is_cut_into_steps(name: str) -> None:
    wanted = golden(name).logits
    given = golden_checkpoint(name)
    paged = Paged(build_decoder(given, Precision(), CONTEXT), given.architecture)
    for chunks in ([64], [13, 20, 7] + [1] * 24):
        found = paged.read(TEXT, chunks, [3, 1])
        assert np.abs(found - wanted).max() < 1e-3
        assert (found.argmax(1) == wanted.argmax(1)).all()


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_sequences_in_one_step_are_computed_as_if_alone(name: str) -> None:
    given = golden_checkpoint(name)
    paged = Paged(build_decoder(given, Precision(), CONTEXT), given.architecture)
    paged.step([(TEXT[:40], 0, [1, 2])])
    found = paged.step([(TEXT[40:41], 40, [1, 2]), (TEXT[:50], 0, [3, 4]), (TEXT[:3], 0, [5])])
    wanted = golden(name).logits
    assert np.abs(found - np.concatenate([wanted[40:41], wanted[:50], wanted[:3]])).max() < 1e-3


@pytest.mark.parametrize("name", ["mistral", "gemma2_uncapped", "gemma3", "phi3"])
def test_without_its_windows_a_model_would_answer_otherwise(name: str) -> None:
    given = golden_checkpoint(name)
    found = Paged(build_decoder(given, Precision(), CONTEXT)).read(TEXT, [64], [1, 2])
    wanted = golden(name).logits
    assert np.abs(found - wanted)[:8].max() < 1e-3
    assert np.abs(found - wanted)[8:].max() > 0.1


def test_weights_of_eight_bits_answer_almost_the_same() -> None:
    given = golden_checkpoint("llama")
    found = Paged(build_decoder(given, Precision("int8", "int8"), CONTEXT)).read(TEXT, [64], [1, 2])
    assert np.abs(found - golden("llama").logits).mean() < 0.15


def test_of_four_bits_the_first_and_last_layers_end_in_eight() -> None:
    model = build_decoder(golden_checkpoint("llama"), Precision("int4", "int8", 32, edges="int8"), CONTEXT)
    held = [
        node.get_element_type()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Constant" and list(node.get_output_shape(0)) in ([HIDDEN, INNER], [HIDDEN, 3, 32])
    ]
    assert held == [ov.Type.i8, ov.Type.i4, ov.Type.i8]


def test_logits_are_scaled_where_the_family_says_so() -> None:
    given = golden_checkpoint("llama")
    scaled = msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, logit_scale=0.25))
    found = Paged(build_decoder(scaled, Precision(), CONTEXT)).read(TEXT, [64], [1, 2])
    assert np.abs(found - golden("llama").logits / 4).max() < 1e-3


@pytest.mark.parametrize(
    "changes",
    [
        {"unturned": (1,)},
        {"residual_scale": 0.25, "embed_scale": 2.0, "attention_scale": 0.5, "logit_scale": 0.125},
        {"activation": "gelu_tanh", "embed_scale": 8.0},
        {"local_rope": Rope(tuple(0.5**turn for turn in range(8))), "windows": (4096, 0, 4096)},
        {"local_rope": Rope(tuple(0.5**turn for turn in range(8)))},
    ],
)
def test_what_only_some_families_have_is_computed_as_the_plain_way_does(changes: dict[str, Any]) -> None:
    variant = VARIANTS["llama"]
    facts = msgspec.structs.replace(architecture(variant, rope_of(variant)), **changes)
    given = checkpoint(facts, weights(variant))
    found = Paged(build_decoder(given, Precision(), CONTEXT)).read(TEXT, [13, 50, 1], [1, 2])
    assert np.abs(found - answer(given, TEXT)).max() < 1e-3


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        ("rope", {"rope": None}),
        ("rope.frequencies", {"head_dim": 8}),
        ("kv_heads", {"kv_heads": 3}),
        ("windows", {"windows": (8,)}),
        ("attention_softcap", {"attention_softcap": 100.0}),
    ],
)
def test_an_architecture_that_cannot_be_computed_is_refused_by_its_field(where: str, fields: dict[str, object]) -> None:
    given = golden_checkpoint("llama")
    wrong = msgspec.structs.replace(given.architecture, **fields)
    with pytest.raises(ModelInvalid) as refusal:
        build_decoder(msgspec.structs.replace(given, architecture=wrong), Precision(), CONTEXT)
    assert refusal.value.where == where


def test_a_missing_tensor_is_named() -> None:
    variant = VARIANTS["llama"]
    drawn = weights(variant)
    del drawn["layers.1.down"]
    with pytest.raises(ModelInvalid) as refusal:
        build_decoder(checkpoint(architecture(variant, rope_of(variant)), drawn), Precision(), CONTEXT)
    assert refusal.value.where == "layers.1.down"
