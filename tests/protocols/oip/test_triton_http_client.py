"""Triton's own HTTP client, unmodified, against a real server."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from headrace.arrays import DATATYPES
from tests.protocols.oip.http_server import serving
from tests.protocols.oip.stub import Stub, numbers


async def _with_client(work: Callable[[Any], Any], stub: Stub | None = None) -> Any:
    async with serving(stub or Stub()) as (port, _):

        def run() -> Any:
            with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
                return work(client)

        return await asyncio.to_thread(run)


def _inputs(binary: bool) -> list[Any]:
    inputs = []
    for index, array in enumerate(numbers(2)):
        tensor = triton.InferInput(f"INPUT{index}", list(array.shape), "INT32")
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    return inputs


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
async def test_infer_in_every_combination_of_json_and_binary(binary_in: bool, binary_out: bool | None) -> None:
    outputs = None
    if binary_out is not None:
        outputs = [triton.InferRequestedOutput(f"OUTPUT{i}", binary_data=binary_out) for i in (0, 1)]

    def work(client: Any) -> None:
        result = client.infer("add_sub", _inputs(binary_in), request_id="r", outputs=outputs)
        first, second = numbers(2)
        assert (result.as_numpy("OUTPUT0") == first + second).all()
        assert (result.as_numpy("OUTPUT1") == first - second).all()
        assert result.get_response()["id"] == "r"

    await _with_client(work)


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
async def test_infer_compressed_both_ways(compression: str) -> None:
    def work(client: Any) -> None:
        result = client.infer(
            "add_sub",
            _inputs(True),
            model_version="1",
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )
        assert result.as_numpy("OUTPUT0").shape == (2, 16)

    await _with_client(work)


async def test_async_infer() -> None:
    def work(client: Any) -> None:
        pending = [client.async_infer("add_sub", _inputs(True)) for _ in range(4)]
        assert all(one.get_result().as_numpy("OUTPUT0").shape == (2, 16) for one in pending)

    await _with_client(work)


async def test_every_datatype_goes_both_ways_in_binary() -> None:
    def work(client: Any) -> None:
        for datatype, dtype in DATATYPES.items():
            array = np.array([b"a", "ü".encode()], object) if datatype == "BYTES" else np.array([0, 1]).astype(dtype)
            if datatype == "BF16":
                array = np.array([0.5, 1], ml_dtypes.bfloat16)
            tensor = triton.InferInput(f"INPUT_{datatype}", [2], datatype)
            tensor.set_data_from_numpy(array)
            result = client.infer("mixed", [tensor])
            assert (result.as_numpy(f"OUTPUT_{datatype}") == array).all(), datatype

    await _with_client(work)


async def test_classification() -> None:
    def work(client: Any) -> None:
        tensor = triton.InferInput("INPUT", [2, 3], "FP32")
        tensor.set_data_from_numpy(np.array([[0, 2, 1], [3, 0, 0]], np.float32))
        wanted = triton.InferRequestedOutput("OUTPUT", class_count=2)
        classes = client.infer("scores", [tensor], outputs=[wanted]).as_numpy("OUTPUT")
        assert classes.tolist() == [
            [b"2.000000:1:dog", b"1.000000:2:cow"],
            [b"3.000000:0:cat", b"0.000000:1:dog"],
        ]

    await _with_client(work)


async def test_shared_memory_in_and_out() -> None:
    name = f"headrace-test-{uuid.uuid4().hex}"
    path = Path("/dev/shm") / name
    first, second = numbers()
    path.write_bytes(first.tobytes() + second.tobytes() + bytes(64))

    def work(client: Any) -> None:
        client.register_system_shared_memory("r", f"/{name}", 192)
        assert client.get_system_shared_memory_status()[0]["byte_size"] == 192
        inputs = [triton.InferInput(f"INPUT{i}", [1, 16], "INT32") for i in (0, 1)]
        for index, tensor in enumerate(inputs):
            tensor.set_shared_memory("r", 64, offset=64 * index)
        wanted = triton.InferRequestedOutput("OUTPUT0")
        wanted.set_shared_memory("r", 64, offset=128)
        output = client.infer("add_sub", inputs, outputs=[wanted]).get_output("OUTPUT0")
        assert output == {"name": "OUTPUT0", "datatype": "INT32", "shape": [1, 16]}
        client.unregister_system_shared_memory("r")
        assert client.get_system_shared_memory_status() == []

    try:
        await _with_client(work)
        assert (np.frombuffer(path.read_bytes()[128:], np.int32) == (first + second).ravel()).all()
    finally:
        path.unlink()


async def test_every_other_method_of_the_client() -> None:
    stub = Stub()

    def work(client: Any) -> None:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("add_sub", "1")
        assert not client.is_model_ready("nothing")
        assert "statistics" in client.get_server_metadata()["extensions"]
        assert client.get_model_metadata("add_sub")["versions"] == ["1", "2"]
        assert client.get_model_config("add_sub", "1")["max_batch_size"] == 8
        assert len(client.get_model_repository_index()) > 5
        client.load_model("add_sub", config='{"max_batch_size": 2}')
        client.unload_model("add_sub", unload_dependents=True)
        assert client.get_inference_statistics("add_sub", "1")["model_stats"][0]["version"] == "1"
        assert client.get_inference_statistics()["model_stats"]
        client.update_trace_settings("add_sub", {"trace_rate": "5", "trace_level": ["TIMESTAMPS"]})
        assert client.get_trace_settings("add_sub")["trace_rate"] == "5"
        assert client.update_trace_settings(settings={"trace_rate": None})["trace_rate"] == "1000"
        assert client.update_log_settings({"log_verbose_level": 1})["log_verbose_level"] == 1
        assert client.get_log_settings()["log_format"] == "default"
        client.unregister_system_shared_memory()

    await _with_client(work, stub)
    assert [call[0] for call in stub.repository.calls] == ["load", "unload"]


async def test_cuda_and_errors_are_told_in_the_clients_words() -> None:
    def work(client: Any) -> None:
        with pytest.raises(InferenceServerException, match="use system shared memory"):
            client.register_cuda_shared_memory("r", b"eA==", 0, 1)
        assert client.get_cuda_shared_memory_status() == []
        client.unregister_cuda_shared_memory()
        with pytest.raises(InferenceServerException, match="uploads are off") as refusal:
            client.load_model("add_sub", config="{}", files={"file:1/model.onnx": b"x"})
        assert refusal.value.status() == "403"
        with pytest.raises(InferenceServerException, match="model 'nothing' is not in the repository"):
            client.infer("nothing", _inputs(True))

    await _with_client(work)


async def test_a_raw_binary_request() -> None:
    def work(client: Any) -> None:
        body = np.array([1, 2, 3], np.float32).tobytes()
        response = client._post("v2/models/scores/infer", body, {"Inference-Header-Content-Length": "0"}, None)
        length = int(response.get("Inference-Header-Content-Length"))
        assert response.read()[length:] == body

    await _with_client(work)
