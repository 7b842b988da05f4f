"""Real models asked with rows of several lengths: padded where that changes nothing, kept apart where it would."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
import tritonclient.http as triton
from onnxruntime.quantization import QuantType, quantize_dynamic

from headrace.arrays import from_array, to_array
from headrace.batching.check import Check
from headrace.batching.collate import join, split
from headrace.errors import ModelInvalid
from headrace.runtimes.execute import execute
from headrace.runtimes.load import Loaded, Loading, load
from headrace.types import Batching, Manifest, ModelRef, Padding, Request, Tensor
from tests.e2e.tensors import Arrays, inputs
from tests.program import ROOT, serving
from tests.tiles import kernels

pytestmark = pytest.mark.slow

MINILM = ROOT / "models" / "minilm" / "1" / "model.onnx"
LENGTHS = (5, 31, 256, 9, 64, 17)
AS_FOUND = Batching()


class Item(NamedTuple):
    request: Request
    rows: int
    length: int


def loaded(path: Path, runtime: str = "onnx", batching: Batching = AS_FOUND, **parameters: str) -> Loaded:
    return load(Loading(Manifest("m", 1, path, runtime, batching=batching, parameters=parameters), 2, 64, 1e-3))


def text(tokens: int, rows: int = 1, real: int | None = None) -> Arrays:
    """Rows of tokens; those past the first `real` are masked, as a client pads that does it itself."""
    ids = np.random.default_rng(tokens).integers(1000, 30000, (rows, tokens))
    mask = np.ones_like(ids)
    mask[:, real or tokens :] = 0
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def asked(arrays: Arrays) -> Request:
    return Request("", ModelRef("m"), tuple(from_array(name, array) for name, array in arrays.items()))


def alone_and_together(model: Loaded, requests: Sequence[Request]) -> Iterator[tuple[Any, Any]]:
    """The first output of each request, run by itself and in one run with the others."""
    check, pad = Check(model.signature), model.signature.batch.pad
    checked = [check(request) for request in requests]
    assert len({each.key for each in checked}) == 1
    batch = [Item(request, each.rows, each.length) for request, each in zip(requests, checked, strict=True)]
    work = join(batch, True, pad)
    tensors = [Tensor(rows.name, rows.datatype, rows.shape, b"".join(rows.parts)) for rows in work.inputs]
    together = split(tuple(execute(model.model, model.signature, tensors).outputs), batch, pad)
    for request, outputs in zip(requests, together, strict=True):
        (own, *_) = execute(model.model, model.signature, request.inputs).outputs
        yield to_array(own), to_array(outputs[0])


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_texts_of_all_lengths_share_a_run_of_minilm_and_are_answered_as_alone(runtime: str) -> None:
    requests = [*(asked(text(tokens)) for tokens in LENGTHS), asked(text(12, rows=3)), asked(text(40, real=6))]
    for own, joined in alone_and_together(loaded(MINILM, runtime), requests):
        np.testing.assert_allclose(joined, own, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_minilm_in_8_bits_moves_by_no_more_than_its_noise(runtime: str, tmp_path: Path) -> None:
    quantize_dynamic(MINILM, tmp_path / "model.onnx", weight_type=QuantType.QInt8)
    model = loaded(tmp_path / "model.onnx", runtime, kernels="runtime")
    assert model.signature.batch.pad is not None
    assert "the noise of a quantised model" in model.signature.batch.pad.why
    pooled = []
    for own, joined in alone_and_together(model, [asked(text(tokens)) for tokens in LENGTHS]):
        one, other = own[0].mean(axis=0), joined[0].mean(axis=0)
        pooled.append(float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))
    assert min(pooled) > 0.98


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_minilm_in_8_bits_does_not_move_by_our_kernels(runtime: str, tmp_path: Path) -> None:
    kernels()
    quantize_dynamic(MINILM, tmp_path / "model.onnx", weight_type=QuantType.QInt8)
    model = loaded(tmp_path / "model.onnx", runtime)
    pad = model.signature.batch.pad
    assert pad is not None
    assert pad.packed
    requests = [*(asked(text(tokens)) for tokens in LENGTHS), asked(text(12, rows=3)), asked(text(40, real=6))]
    for own, joined in alone_and_together(model, requests):
        assert np.array_equal(joined, own)


@pytest.mark.parametrize("name", ["ocr_cls", "ocr_det", "ocr_rec", "vad"])
def test_images_and_sound_are_not_padded_unasked(name: str) -> None:
    assert loaded(ROOT / "models" / name / "1" / "model.onnx").signature.batch.pad is None


@pytest.mark.parametrize(
    ("name", "axis", "says"),
    [
        ("ocr_rec", 3, "dimension 1 of output 'fetch_name_0' is "),
        ("ocr_det", 3, "rows of other lengths than the usual ones do not run"),
        ("ocr_cls", 3, "padded, output 'save_infer_model/scale_0.tmp_1' moves by up to "),
        ("vad", 1, "rows do not share a run: input 'sr' is a scalar"),
    ],
)
def test_padding_that_would_change_answers_is_refused_at_load(name: str, axis: int, says: str) -> None:
    with pytest.raises(ModelInvalid, match=f"batching.pad: rows cannot be padded along axis {axis}: {says}"):
        loaded(ROOT / "models" / name / "1" / "model.onnx", batching=Batching(pad=Padding(axis)))


def test_a_server_joins_texts_of_several_lengths_and_says_why_it_refuses_others(tmp_path: Path) -> None:
    for name, said in (("minilm", "batching.max_delay_ms = 100\n"), ("ocr_cls", "batching.pad = { axis = 3 }\n")):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "model.onnx").symlink_to(ROOT / "models" / name / "1" / "model.onnx")
        (tmp_path / name / "model.toml").write_text(said)
    session = onnxruntime.InferenceSession(MINILM)
    texts = [text(tokens) for tokens in range(20, 44)]
    with serving(tmp_path) as program, triton.InferenceServerClient(program.http, concurrency=24) as client:
        answers = [client.async_infer("minilm", inputs(triton, each)) for each in texts]
        for each, answer in zip(texts, answers, strict=True):
            (expected,) = session.run(None, each)
            np.testing.assert_allclose(
                answer.get_result().as_numpy("last_hidden_state"), expected, rtol=1e-3, atol=1e-3
            )
        (counted,) = client.get_inference_statistics("minilm")["model_stats"]
        assert counted["execution_count"] < counted["inference_count"] == len(texts)
        reasons = {each["name"]: each.get("reason", "") for each in client.get_model_repository_index()}
        assert "batching.pad: rows cannot be padded along axis 3: padded, output 'save_infer" in reasons["ocr_cls"]
