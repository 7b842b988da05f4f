"""Sliding windows reach their layers."""

import pytest
from openvino._offline_transformations import paged_attention_transformation

from headrace.errors import ModelInvalid
from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.graphs.windows import SLIDING_WINDOW, paged_layers, set_windows
from tests.graphs.tiny import CONTEXT, golden_checkpoint


def test_every_layer_gets_its_own_window() -> None:
    model = build_decoder(golden_checkpoint("gemma3"), Precision(), CONTEXT)
    paged_attention_transformation(model)
    set_windows(model, (8, 0, 5))
    layers = paged_layers(model)
    assert [int(layers[i].input_value(SLIDING_WINDOW).get_node().data) for i in range(3)] == [8, 0, 5]


def test_windows_of_another_model_are_refused() -> None:
    model = build_decoder(golden_checkpoint("llama"), Precision(), CONTEXT)
    paged_attention_transformation(model)
    with pytest.raises(ModelInvalid, match="3 layers of paged attention, 2 are named"):
        set_windows(model, (8, 8))


def test_no_windows_change_nothing() -> None:
    model = build_decoder(golden_checkpoint("llama"), Precision(), CONTEXT)
    set_windows(model, ())
    assert not paged_layers(model)
