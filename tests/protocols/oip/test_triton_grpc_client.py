"""Triton's own gRPC clients, unmodified, against a real server."""

import asyncio
import queue
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

from headrace.arrays import DATATYPES
from tests.protocols.oip.grpc_server import Kind, serving
from tests.protocols.oip.stub import Stub, numbers


async def _with_client(kind: Kind, work: Callable[[Any], Any], stub: Stub | None = None) -> Any:
    """What the blocking client's work returns, done in a thread."""
    async with serving(stub or Stub(), kind) as server:

        def run() -> Any:
            with triton.InferenceServerClient(server.target) as client:
                return work(client)

        return await asyncio.to_thread(run)


def _inputs() -> list[Any]:
    return [_tensor(f"INPUT{index}", array, "INT32") for index, array in enumerate(numbers(2))]


def _tensor(name: str, array: Any, datatype: str) -> Any:
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
async def test_infer(kind: Kind, compression: str | None) -> None:
    def work(client: Any) -> None:
        outputs = [triton.InferRequestedOutput(f"OUTPUT{i}") for i in (0, 1)]
        result = client.infer(
            "add_sub", _inputs(), "1", outputs, "r", compression_algorithm=compression, timeout=60_000_000, priority=1
        )
        first, second = numbers(2)
        assert (result.as_numpy("OUTPUT0") == first + second).all()
        assert (result.as_numpy("OUTPUT1") == first - second).all()
        assert result.get_response().id == "r"

    await _with_client(kind, work)


async def test_async_infer(kind: Kind) -> None:
    def work(client: Any) -> None:
        answers: queue.Queue[Any] = queue.Queue()
        for _ in range(4):
            client.async_infer("add_sub", _inputs(), lambda result, error: answers.put((result, error)))
        for result, error in [answers.get(timeout=10) for _ in range(4)]:
            assert error is None
            assert result.as_numpy("OUTPUT0").shape == (2, 16)

    await _with_client(kind, work)


async def test_stream_infer(kind: Kind) -> None:
    def work(client: Any) -> None:
        answers: queue.Queue[Any] = queue.Queue()
        client.start_stream(lambda result, error: answers.put((result, error)))
        client.async_stream_infer("add_sub", _inputs(), request_id="a")
        client.async_stream_infer("nothing", _inputs(), request_id="b")
        client.async_stream_infer("add_sub", _inputs(), request_id="c", enable_empty_final_response=True)
        told = [answers.get(timeout=10) for _ in range(3)]
        client.stop_stream()
        assert [result and result.get_response().id for result, _ in told] == ["a", None, "c"]
        assert str(told[1][1]) == "model 'nothing' is not in the repository"

    await _with_client(kind, work)


async def test_every_datatype_goes_both_ways(kind: Kind) -> None:
    def work(client: Any) -> None:
        for datatype, dtype in DATATYPES.items():
            array = np.array([b"a", "ü".encode()], object) if datatype == "BYTES" else np.array([0, 1]).astype(dtype)
            if datatype == "BF16":
                array = np.array([0.5, 1], ml_dtypes.bfloat16)
            result = client.infer("mixed", [_tensor(f"INPUT_{datatype}", array, datatype)])
            assert (result.as_numpy(f"OUTPUT_{datatype}") == array).all(), datatype

    await _with_client(kind, work)


async def test_classification(kind: Kind) -> None:
    def work(client: Any) -> None:
        scores = np.array([[0, 2, 1], [3, 0, 0]], np.float32)
        wanted = triton.InferRequestedOutput("OUTPUT", class_count=1)
        classes = client.infer("scores", [_tensor("INPUT", scores, "FP32")], outputs=[wanted]).as_numpy("OUTPUT")
        assert classes.tolist() == [[b"2.000000:1:dog"], [b"3.000000:0:cat"]]

    await _with_client(kind, work)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A file in shared memory with the inputs of `add_sub`, and as much room for an output."""
    path = Path("/dev/shm") / f"headrace-test-{uuid.uuid4().hex}"
    first, second = numbers()
    path.write_bytes(first.tobytes() + second.tobytes() + bytes(64))
    yield path
    path.unlink()


async def test_shared_memory_in_and_out(kind: Kind, shared: Path) -> None:
    def work(client: Any) -> None:
        client.register_system_shared_memory("r", f"/{shared.name}", 192)
        assert client.get_system_shared_memory_status(as_json=True)["regions"]["r"]["byte_size"] == "192"
        inputs = [triton.InferInput(f"INPUT{i}", [1, 16], "INT32") for i in (0, 1)]
        for index, tensor in enumerate(inputs):
            tensor.set_shared_memory("r", 64, offset=64 * index)
        wanted = triton.InferRequestedOutput("OUTPUT0")
        wanted.set_shared_memory("r", 64, offset=128)
        result = client.infer("add_sub", inputs, outputs=[wanted, triton.InferRequestedOutput("OUTPUT1")])
        first, second = numbers()
        assert (np.frombuffer(shared.read_bytes()[128:], np.int32) == (first + second)[0]).all()
        assert (result.as_numpy("OUTPUT1") == first - second).all()
        client.unregister_system_shared_memory("r")
        client.unregister_system_shared_memory()

    await _with_client(kind, work)


async def test_server_and_model_questions(kind: Kind) -> None:
    def work(client: Any) -> None:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("add_sub", "2")
        assert not client.is_model_ready("nothing")
        assert client.get_server_metadata().name == "headrace"
        assert client.get_model_metadata("add_sub", as_json=True)["inputs"][0]["shape"] == ["-1", "16"]
        assert client.get_model_config("add_sub").config.max_batch_size == 8
        assert client.get_inference_statistics("add_sub", "1").model_stats[0].version == "1"
        assert {model.name for model in client.get_model_repository_index().models} > {"add_sub", "broken"}

    await _with_client(kind, work)


async def test_loading_and_unloading(kind: Kind) -> None:
    stub = Stub()

    def work(client: Any) -> None:
        client.load_model("add_sub")
        client.load_model("add_sub", config='{"max_batch_size": 4}')
        with pytest.raises(InferenceServerException, match="uploads are off"):
            client.load_model("add_sub", config="{}", files={"file:1/model.onnx": b"x"})
        client.unload_model("add_sub", unload_dependents=True)

    await _with_client(kind, work, stub)
    assert stub.repository.calls == [
        ("load", "add_sub", None),
        ("load", "add_sub", {"max_batch_size": 4}),
        ("unload", "add_sub", True),
    ]


async def test_trace_and_log_settings(kind: Kind) -> None:
    def work(client: Any) -> None:
        told = client.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"], "trace_rate": "5"}, as_json=True)
        assert told["settings"]["trace_rate"] == {"value": ["5"]}
        client.update_trace_settings("add_sub", {"trace_rate": None})
        assert client.get_trace_settings("add_sub").settings["trace_level"].value == ["TIMESTAMPS"]
        client.update_log_settings({"log_verbose_level": 1, "log_info": False, "log_format": "ISO8601"})
        assert client.get_log_settings().settings["log_verbose_level"].uint32_param == 1

    await _with_client(kind, work)


async def test_cuda_shared_memory_is_refused_with_a_reason(kind: Kind) -> None:
    def work(client: Any) -> None:
        with pytest.raises(InferenceServerException, match="computes on the CPU") as refused:
            client.register_cuda_shared_memory("r", b"eA==", 0, 1)
        assert refused.value.status() == "StatusCode.UNIMPLEMENTED"
        assert not client.get_cuda_shared_memory_status().regions
        client.unregister_cuda_shared_memory()

    await _with_client(kind, work)


async def test_the_asynchronous_client_asks_and_infers(kind: Kind) -> None:
    async with serving(Stub(), kind) as server, triton_aio.InferenceServerClient(server.target) as client:
        assert await client.is_server_ready()
        assert await client.is_model_ready("add_sub")
        assert (await client.get_model_config("add_sub")).config.name == "add_sub"
        result = await client.infer("add_sub", _inputs())
        first, second = numbers(2)
        assert (result.as_numpy("OUTPUT0") == first + second).all()
        with pytest.raises(InferenceServerException, match="is not in the repository"):
            await client.infer("nothing", _inputs())


async def test_the_asynchronous_client_streams(kind: Kind) -> None:
    async def requests() -> Any:
        for name in "ab":
            yield {"model_name": "add_sub", "inputs": _inputs(), "request_id": name}

    async with serving(Stub(), kind) as server, triton_aio.InferenceServerClient(server.target) as client:
        told = [answer async for answer in client.stream_infer(requests())]
    assert [(result.get_response().id, error) for result, error in told] == [("a", None), ("b", None)]
