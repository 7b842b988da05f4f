"""What OpenVINO reads, behind one server: MiniLM as ONNX and as IR, files of TensorFlow and Paddle."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import openvino
import pytest
import tritonclient.http as triton

from tests.e2e.tensors import Arrays, inputs
from tests.models.paddle_models import pdmodel
from tests.models.tensorflow_models import frozen_graph, saved_model
from tests.models.tflite_models import tflite
from tests.program import ROOT, serving

pytestmark = pytest.mark.slow

MINILM = ROOT / "models" / "minilm" / "1" / "model.onnx"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("openvino")
    (folder / "as_onnx").mkdir()
    (folder / "as_onnx" / "model.onnx").symlink_to(MINILM)
    (folder / "as_onnx" / "model.toml").write_text('runtime = "openvino"\n')
    ir = folder / "as_ir" / "1" / "model.xml"
    openvino.save_model(openvino.Core().read_model(MINILM), ir, compress_to_fp16=False)
    frozen_graph(folder / "frozen" / "1" / "model.pb")
    saved_model(folder / "saved" / "1" / "model.savedmodel")
    pdmodel(folder / "paddle" / "1" / "model.pdmodel")
    tflite(folder / "lite" / "1" / "model.tflite")
    with serving(folder) as program, triton.InferenceServerClient(program.http) as made:
        yield made


def text(rows: int, tokens: int) -> Arrays:
    ids = np.random.default_rng(tokens).integers(1000, 30000, (rows, tokens))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


@pytest.mark.parametrize("model", ["as_onnx", "as_ir"])
@pytest.mark.parametrize(("rows", "tokens"), [(1, 64), (3, 17), (8, 64), (1, 512)])
def test_minilm_gives_what_onnx_runtime_gives(client: Any, model: str, rows: int, tokens: int) -> None:
    arrays = text(rows, tokens)
    (expected,) = onnxruntime.InferenceSession(MINILM).run(None, arrays)
    found = client.infer(model, inputs(triton, arrays)).as_numpy("last_hidden_state")
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("model", "given", "answered"),
    [("frozen", "x:0", "y:0"), ("saved", "pixels", "doubled"), ("lite", "x", "y"), ("paddle", "x", "y")],
)
def test_files_of_tensorflow_and_paddle_run_and_batch(client: Any, model: str, given: str, answered: str) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(client.infer(model, inputs(triton, {given: rows})).as_numpy(answered), rows * 2)
    assert client.get_model_config(model)["max_batch_size"] == 64


def test_all_are_openvinos(client: Any) -> None:
    platforms = {client.get_model_metadata(name)["platform"] for name in ("as_onnx", "as_ir", "lite", "paddle")}
    assert platforms == {"openvino"}
