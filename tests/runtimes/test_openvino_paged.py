"""Only graphs that the paged-attention pass turned into what a step can feed are let through."""

from collections import Counter
from pathlib import Path

import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.errors import ModelInvalid
from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.graphs.nodes import named_result, parameter
from headrace.runtimes.openvino_cache import GraphCache
from headrace.runtimes.openvino_paged import STEP_INPUTS, check_inputs, complete, paged
from tests.graphs.tiny import CONTEXT, golden_checkpoint
from tests.runtimes.paging import options


def _decoder(name: str = "llama") -> ov.Model:
    return build_decoder(golden_checkpoint(name), Precision(), CONTEXT)


def test_a_paged_decoder_has_the_inputs_of_a_step_and_a_cache_for_each_layer() -> None:
    names = {port.any_name for port in paged(_decoder()).inputs}
    assert names == set(STEP_INPUTS) | {f"{kind}_cache.{layer}" for kind in ("key", "value") for layer in range(3)}


def test_a_graph_without_state_is_refused() -> None:
    x = parameter("input_ids", [-1, -1])
    with pytest.raises(ModelInvalid, match="cannot be paged"):
        paged(ov.Model([named_result("logits", op.convert(x, "f32"))], [x], "stateless"))


def test_a_graph_that_is_not_paged_is_refused_with_what_differs() -> None:
    with pytest.raises(ModelInvalid, match="attention_mask:i64"):
        check_inputs(_decoder())


def test_a_second_output_is_refused() -> None:
    model = _decoder()
    model.add_outputs(model.get_results()[0].input_value(0).get_node().input_value(0))
    with pytest.raises(ModelInvalid) as refusal:
        paged(model)
    assert refusal.value.where == "logits"


@pytest.mark.parametrize("name", ["llama", "phi3_partial", "gemma3"])
def test_every_rotation_is_one_operation_for_the_plug_in(name: str) -> None:
    model = paged(_decoder(name), golden_checkpoint(name).architecture)
    compiled = ov.Core().compile_model(model, "CPU", options("f32"))
    found = _operations(compiled)
    assert found["RoPE"] == 2 * found["PagedAttention"] == 6


@pytest.mark.parametrize("held", ["f32", "f16", "u8"])
def test_a_graph_that_was_kept_reads_its_caches_as_they_are_held(held: str, tmp_path: Path) -> None:
    facts, graphs = golden_checkpoint("llama").architecture, GraphCache(tmp_path)
    built = graphs.compiled("a", options(held), lambda: paged(_decoder(), facts))
    kept = graphs.compiled("a", options(held), _decoder, lambda found: complete(found, facts.kv_heads, facts.head_dim))
    assert _operations(kept) == _operations(built)


def _operations(compiled: ov.CompiledModel) -> Counter[str]:
    return Counter(str(node.get_rt_info()["layerType"].value) for node in compiled.get_runtime_model().get_ops())
