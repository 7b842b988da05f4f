"""Each demo model, served without configuration, gives what ONNX Runtime gives alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc as triton

from tests.e2e.tensors import Arrays, inputs
from tests.program import Program

pytestmark = pytest.mark.slow

TEXTS = ("input_ids", "attention_mask", "token_type_ids")


@pytest.fixture(scope="module")
def client(demo: Program) -> Iterator[Any]:
    with triton.InferenceServerClient(demo.grpc) as made:
        yield made


def direct(repository: Path, name: str, arrays: Arrays) -> Arrays:
    """The same by ONNX Runtime itself, with nothing in between."""
    session = onnxruntime.InferenceSession(repository / name / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, arrays), strict=True))


def check(client: Any, name: str, arrays: Arrays, expected: Arrays) -> None:
    result = client.infer(name, inputs(triton, arrays))
    for output, array in expected.items():
        np.testing.assert_allclose(result.as_numpy(output), array, rtol=1e-3, atol=1e-3, err_msg=output)


def text(rows: int, tokens: int) -> Arrays:
    """Token ids; the later rows are the shorter, as texts of different lengths are padded."""
    lengths = np.maximum(1, tokens - np.arange(rows))
    mask = (np.arange(tokens) < lengths[:, None]).astype(np.int64)
    ids = np.random.default_rng(rows * tokens).integers(1000, 30000, (rows, tokens)) * mask
    return dict(zip(TEXTS, (ids, mask, np.zeros_like(ids)), strict=True))


def noise(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(len(shape)).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("rows", [1, 2, 64])
def test_add_sub(client: Any, repository: Path, rows: int) -> None:
    pair = {name: np.random.default_rng(rows).integers(-99, 99, (rows, 16), np.int32) for name in ("INPUT0", "INPUT1")}
    check(client, "add_sub", pair, direct(repository, "add_sub", pair))


@pytest.mark.parametrize(("rows", "tokens"), [(1, 1), (1, 64), (3, 17), (16, 8), (2, 256), (1, 512)])
def test_minilm(client: Any, repository: Path, rows: int, tokens: int) -> None:
    arrays = text(rows, tokens)
    check(client, "minilm", arrays, direct(repository, "minilm", arrays))


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 3, 64, 96), (1, 3, 224, 320), (1, 3, 640, 480)])
def test_ocr_detection(client: Any, repository: Path, shape: tuple[int, ...]) -> None:
    arrays = {"x": noise(*shape)}
    check(client, "ocr_det", arrays, direct(repository, "ocr_det", arrays))


@pytest.mark.parametrize("shape", [(1, 3, 48, 192), (6, 3, 48, 192), (1, 3, 80, 160)])
def test_ocr_orientation(client: Any, repository: Path, shape: tuple[int, ...]) -> None:
    arrays = {"x": noise(*shape)}
    check(client, "ocr_cls", arrays, direct(repository, "ocr_cls", arrays))


@pytest.mark.parametrize("shape", [(1, 3, 48, 64), (2, 3, 48, 320), (5, 3, 48, 111)])
def test_ocr_recognition(client: Any, repository: Path, shape: tuple[int, ...]) -> None:
    arrays = {"x": noise(*shape)}
    check(client, "ocr_rec", arrays, direct(repository, "ocr_rec", arrays))


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize(("rate", "samples"), [(16000, 576), (8000, 288)])
def test_voice_activity_whose_state_goes_in_again(
    client: Any, repository: Path, rows: int, rate: int, samples: int
) -> None:
    state = np.zeros((2, rows, 128), np.float32)
    for step in range(3):
        arrays: Arrays = {"input": noise(rows, samples) * step, "state": state, "sr": np.array(rate, np.int64)}
        expected = direct(repository, "vad", arrays)
        check(client, "vad", arrays, expected)
        state = expected["stateN"]


def test_texts_of_different_lengths_that_are_asked_at_once(client: Any, repository: Path) -> None:
    asked = [text(1 + number % 3, (8, 16, 64)[number % 3]) for number in range(48)]
    expected = [direct(repository, "minilm", arrays) for arrays in asked[:3]]
    with ThreadPoolExecutor(16) as pool:
        pending = [
            pool.submit(check, client, "minilm", arrays, expected[number % 3]) for number, arrays in enumerate(asked)
        ]
    for one in pending:
        one.result()
