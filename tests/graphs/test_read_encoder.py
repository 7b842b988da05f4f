"""A BERT in a graph is read however exporters write it, and gives the graph's own numbers when it is built again."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import openvino as ov
import pytest
from numpy.typing import NDArray

from headrace.graphs.encoder import build_encoder
from headrace.graphs.linear import Precision
from headrace.graphs.read_encoder import ReadEncoder, read_encoder
from headrace.weights.checkpoint import Checkpoint
from tests.graphs.onnx_bert import CONTEXT, DIM, EPS, HEADS, HIDDEN, INNER, LAYERS, VOCABULARY, Form, bert
from tests.graphs.paged import F32
from tests.graphs.tiny import golden_checkpoint

Floats = NDArray[np.float32]

MINILM = Path(__file__).parents[2] / "models" / "minilm" / "1"
needs_minilm = pytest.mark.skipif(
    not all((MINILM / name).exists() for name in ("model.onnx", "int8.onnx", "nncf_int8.xml")),
    reason="models/minilm and its quantised variants are not there: `make setup`",
)


@cache
def minilm(name: str) -> ReadEncoder:
    """Read once for all tests."""
    found = read_encoder(ov.Core().read_model(MINILM / name), "some digest")
    assert found is not None
    return found


def texts(vocabulary: int, tokens: int = 7) -> dict[str, NDArray[np.int64]]:
    random = np.random.default_rng(5)
    ids, types = random.integers(0, vocabulary, (3, tokens)), random.integers(0, 2, (3, tokens))
    mask = (np.arange(tokens) < np.array([[tokens], [tokens // 2], [1]])).astype(np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def computed(model: ov.Model, given: dict[str, NDArray[np.int64]]) -> Floats:
    """Of all that is no padding."""
    names = [port.get_any_name() for port in model.inputs]
    compiled = ov.Core().compile_model(model, "CPU", F32 | {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"})
    found = compiled({name: given[name] for name in names})[0]
    return np.array(found[given["attention_mask"] == 1], np.float32)


def rebuilt(checkpoint: Checkpoint, given: dict[str, NDArray[np.int64]]) -> Floats:
    return computed(build_encoder(checkpoint, Precision()), given)


def read_form(form: Form) -> ReadEncoder | None:
    return read_encoder(ov.Core().read_model(bert(form).SerializeToString()))


def by_onnxruntime(form: Form, given: dict[str, NDArray[np.int64]]) -> Floats:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = onnxruntime.InferenceSession(bert(form).SerializeToString(), options, ["CPUExecutionProvider"])
    kinds = {each.name: np.int32 if "int32" in each.type else np.int64 for each in session.get_inputs()}
    [found] = session.run(None, {name: given[name].astype(kind) for name, kind in kinds.items()})
    return np.array(found[given["attention_mask"] == 1], np.float32)


def likeness(a: Floats, b: Floats) -> float:
    """The mean cosine of rows."""
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(((a * b).sum(axis=-1) / lengths).mean())


@needs_minilm
def test_a_file_in_float32_gives_its_own_numbers() -> None:
    found, given = minilm("model.onnx"), texts(30522, 20)
    exact = computed(ov.Core().read_model(MINILM / "model.onnx"), given)
    assert np.abs(rebuilt(found.checkpoint, given) - exact).max() < 1e-4
    assert (found.quantised, found.checkpoint.digest) == (False, "some digest")


@needs_minilm
@pytest.mark.parametrize("name", ["int8.onnx", "nncf_int8.xml"])
def test_a_quantised_file_is_near_to_the_one_in_float32(name: str) -> None:
    found, given = minilm(name), texts(30522, 20)
    assert found.quantised
    assert found.checkpoint.weights["layers.5.down"].kind == "I8"
    exact = rebuilt(minilm("model.onnx").checkpoint, given)
    assert likeness(rebuilt(found.checkpoint, given), exact) > 0.99


@needs_minilm
def test_matrices_of_codes_are_within_half_a_step_of_those_in_float32() -> None:
    for name in ("layers.0.q", "layers.2.o", "layers.5.up", "embed"):
        exact, codes = (minilm(file).checkpoint.weights[name].dense() for file in ("model.onnx", "int8.onnx"))
        assert 0 < np.abs(codes - exact).max() < 0.51 * np.abs(exact).max() / 127


def test_our_own_graph_is_read_back() -> None:
    given = golden_checkpoint("bert")
    given = msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, pooling=()))
    found = read_encoder(build_encoder(given, Precision()))
    assert found is not None
    assert found.checkpoint.architecture == msgspec.structs.replace(
        given.architecture, norm_eps=float(np.float32(given.architecture.norm_eps))
    )
    assert found.checkpoint.weights.keys() == given.weights.keys()
    for name, weight in given.weights.items():
        assert np.array_equal(found.checkpoint.weights[name].dense(), weight.dense()), name


def test_the_architecture_is_told() -> None:
    found = read_form(Form(bend="tanh", types="absent"))
    assert found is not None
    facts = found.checkpoint.architecture
    assert (facts.hidden, facts.heads, facts.kv_heads, facts.head_dim) == (HIDDEN, HEADS, HEADS, DIM)
    assert (facts.num_layers, facts.intermediate, facts.vocabulary) == (LAYERS, INNER, VOCABULARY)
    assert (facts.max_context, found.checkpoint.max_input) == (CONTEXT, CONTEXT)
    assert (facts.activation, facts.types, facts.pooling, facts.labels) == ("gelu_tanh", False, (), 0)
    assert facts.norm_eps == pytest.approx(EPS)


WAYS: list[dict[str, Any]] = [
    {},
    {"joined": True},
    {"scale": "scores"},
    {"scale": "roots"},
    {"scale": "shape"},
    {"scale": "none"},
    {"scale": "twice"},
    {"mask": "least"},
    {"mask": "fill"},
    {"mask": "expand"},
    {"mask": "attend"},
    {"norm": "decomposed"},
    {"bend": "tanh"},
    {"bend": "operator"},
    {"types": "absent"},
    {"types": "zeros"},
    {"places": "slice"},
    {"bias": "left"},
    {"bias": "none"},
    {"matrices": "half"},
    {"ids": 6},
    {"fault": "doubled"},  # it is in the last norm then
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_graph_of_exporters_gives_its_own_numbers(way: dict[str, Any]) -> None:
    found = read_form(Form(**way))
    assert found is not None
    given = texts(VOCABULARY)
    assert np.abs(rebuilt(found.checkpoint, given) - by_onnxruntime(Form(**way), given)).max() < 2e-5
    assert not found.quantised


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("matrices", ["dynamic", "static"])
def test_codes_become_the_numbers_that_they_stand_for(matrices: Any, joined: bool) -> None:
    found = read_form(Form(matrices=matrices, joined=joined))
    exact = read_form(Form(matrices="decoded", joined=joined))
    assert found is not None
    assert exact is not None
    assert (found.quantised, exact.quantised) == (True, False)
    assert found.checkpoint.weights.keys() == exact.checkpoint.weights.keys()
    for name, weight in exact.checkpoint.weights.items():
        assert np.allclose(found.checkpoint.weights[name].dense(), weight.dense(), rtol=2e-6, atol=1e-7), name


OTHERS: list[dict[str, Any]] = [
    {"mask": "none"},
    {"mask": "inverted"},
    {"mask": "causal"},
    {"mask": "ids"},
    {"norm": "none"},
    {"bend": "relu"},
    {"places": "ids"},
    {"places": "late"},
    {"fault": "output"},
    {"fault": "residual"},
    {"fault": "norm"},
    {"fault": "eps"},
    {"fault": "constant"},
    {"fault": "fixed"},
    {"fault": "keys"},
    {"fault": "scores"},
    {"fault": "clipped"},
    {"fault": "narrow", "matrices": "static"},
    {"fault": "unlike", "matrices": "dynamic"},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_another_graph_is_not_read(other: dict[str, Any]) -> None:
    assert read_form(Form(**other)) is None


def test_the_model_stays_as_it_is() -> None:
    model = ov.Core().read_model(bert(Form()).SerializeToString())
    before = [node.get_name() for node in model.get_ordered_ops()]
    assert read_encoder(model) is not None
    assert [node.get_name() for node in model.get_ordered_ops()] == before
    assert all(port.get_partial_shape()[1].is_dynamic for port in model.inputs)
