"""What the pass cannot know is told to its nodes."""

import pytest
from openvino._offline_transformations import paged_attention_transformation

from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.graphs.paging import complete_paging
from headrace.graphs.windows import SLIDING_WINDOW, paged_layers
from tests.graphs.tiny import CONTEXT, golden_checkpoint


@pytest.mark.parametrize(("name", "windows"), [("llama", [0, 0, 0]), ("gemma3", [8, 0, 8]), ("gemma2", [])])
def test_windows_are_set_and_capped_layers_replaced(name: str, windows: list[int]) -> None:
    given = golden_checkpoint(name)
    model = build_decoder(given, Precision(), CONTEXT)
    paged_attention_transformation(model)
    complete_paging(model, given.architecture)
    layers = paged_layers(model)
    assert [int(layers[i].input_value(SLIDING_WINDOW).get_node().data) for i in sorted(layers)] == windows
