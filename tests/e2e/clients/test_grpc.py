"""Every method of `tritonclient.grpc`, and its asynchronous twin, unmodified, against `headrace serve`."""

import queue
from collections.abc import AsyncIterator, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException, shared_memory

from tests.e2e.clients.conftest import REGION_BYTES, Region
from tests.e2e.tensors import Arrays, inputs
from tests.models.onnx_models import identity
from tests.program import Program

pytestmark = pytest.mark.slow

WAIT_S = 60


@pytest.fixture
def client(program: Program) -> Iterator[Any]:
    with triton.InferenceServerClient(program.grpc) as made:
        yield made


@pytest.fixture
async def aio(program: Program) -> AsyncIterator[Any]:
    async with triton_aio.InferenceServerClient(program.grpc) as made:
        yield made


def requested() -> list[Any]:
    return [triton.InferRequestedOutput(f"OUTPUT{number}") for number in (0, 1)]


def is_right(result: Any, pair: Arrays) -> bool:
    total, difference = result.as_numpy("OUTPUT0"), result.as_numpy("OUTPUT1")
    return np.array_equal(total, pair["INPUT0"] + pair["INPUT1"]) and np.array_equal(
        difference, pair["INPUT0"] - pair["INPUT1"]
    )


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_infers_with_all_that_a_request_can_say(client: Any, pair: Arrays, compression: str | None) -> None:
    result = client.infer(
        "add_sub",
        inputs(triton, pair),
        "1",
        requested(),
        "mine",
        sequence_id=7,
        sequence_start=True,
        sequence_end=True,
        priority=1,
        timeout=60_000_000,
        client_timeout=WAIT_S,
        headers={"x-mine": "1"},
        compression_algorithm=compression,
        parameters={"text": "a", "number": 1, "flag": True},
    )
    assert is_right(result, pair)
    assert result.get_response().id == "mine"
    assert result.get_response(as_json=True)["model_version"] == "1"
    assert list(result.get_output("OUTPUT0").shape) == [2, 16]


def test_infers_many_at_once(client: Any, pair: Arrays) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    for _ in range(32):
        client.async_infer("add_sub", inputs(triton, pair), lambda result, error: answers.put((result, error)))
    told = [answers.get(timeout=WAIT_S) for _ in range(32)]
    assert all(error is None and is_right(result, pair) for result, error in told)


def test_cancels_what_it_no_longer_wants(client: Any, pair: Arrays) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    client.async_infer("add_sub", inputs(triton, pair), lambda result, error: answers.put((result, error))).cancel()
    result, error = answers.get(timeout=WAIT_S)
    assert is_right(result, pair) if error is None else "CANCELLED" in error.status()


def test_infers_in_a_stream(client: Any, pair: Arrays) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)), stream_timeout=WAIT_S)
    for number in range(8):
        client.async_stream_infer("add_sub", inputs(triton, pair), request_id=str(number))
    told = [answers.get(timeout=WAIT_S) for _ in range(8)]
    client.stop_stream()
    assert [result.get_response().id for result, _ in told] == list("01234567")
    assert all(is_right(result, pair) for result, _ in told)


def test_a_stream_outlives_what_is_wrong_in_it(client: Any, pair: Arrays) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    client.async_stream_infer("other", inputs(triton, pair))
    client.async_stream_infer("add_sub", inputs(triton, pair), enable_empty_final_response=True)
    (_, error), (result, none) = answers.get(timeout=WAIT_S), answers.get(timeout=WAIT_S)
    client.stop_stream(cancel_requests=True)
    assert "model 'other' is not in the repository" in str(error)
    assert none is None
    assert is_right(result, pair)


@pytest.mark.parametrize("count", [1, 2, 99])
def test_classifies(client: Any, pair: Arrays, count: int) -> None:
    outputs = [triton.InferRequestedOutput("OUTPUT0", class_count=count)]
    classes = client.infer("add_sub", inputs(triton, pair), outputs=outputs).as_numpy("OUTPUT0")
    assert classes.shape == (2, min(count, 16))
    assert classes[0, 0] == b"108:15"
    assert count < 99 or b"48:0:cat" in classes[0]


def test_strings_come_back_as_they_went(client: Any) -> None:
    words = np.array([["", "ü", "a b", "x" * 1000]], dtype=object)
    found = client.infer("bytes", inputs(triton, {"INPUT": words})).as_numpy("OUTPUT")
    assert [word.decode() for word in found[0]] == words[0].tolist()


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_floats_come_back_as_they_went(client: Any, dtype: Any) -> None:
    array = np.array([[0.5, -2, np.inf, 3]], dtype)
    model = "fp16" if dtype is np.float16 else "bf16"
    found = client.infer(model, inputs(triton, {"INPUT": array})).as_numpy("OUTPUT")
    assert np.array_equal(found.astype(np.float32), array.astype(np.float32))


def test_tensors_stay_in_shared_memory(client: Any, pair: Arrays, region: Region) -> None:
    shared_memory.set_shared_memory_region(region.handle, list(pair.values()))
    client.register_system_shared_memory("region", region.key, REGION_BYTES)
    try:
        told = client.get_system_shared_memory_status("region", as_json=True)
        assert told["regions"]["region"]["byte_size"] == str(REGION_BYTES)
        given = [triton.InferInput(name, [2, 16], "INT32") for name in pair]
        wanted = requested()
        for number, tensor in enumerate([*given, *wanted]):
            tensor.set_shared_memory("region", 128, offset=128 * number)
        client.infer("add_sub", given, outputs=wanted)
        found = shared_memory.get_contents_as_numpy(region.handle, np.int32, [2, 16], offset=256)
        assert np.array_equal(found, pair["INPUT0"] + pair["INPUT1"])
    finally:
        client.unregister_system_shared_memory("region")
    assert not client.get_system_shared_memory_status().regions
    client.unregister_system_shared_memory()


@pytest.mark.parametrize("as_json", [False, True])
def test_asks_after_server_and_models(client: Any, as_json: bool) -> None:
    assert client.is_server_live(headers={"x-mine": "1"}, client_timeout=WAIT_S)
    assert client.is_server_ready()
    assert client.is_model_ready("add_sub", "2")
    assert not client.is_model_ready("add_sub", "3")
    told = [
        client.get_server_metadata(as_json=as_json),
        client.get_model_metadata("add_sub", as_json=as_json),
        client.get_model_config("add_sub", "2", as_json=as_json),
        client.get_model_repository_index(as_json=as_json),
        client.get_inference_statistics("add_sub", as_json=as_json),
        client.get_inference_statistics(as_json=as_json),
    ]
    metadata, model, config, index, statistics, _ = told
    if as_json:
        assert (metadata["name"], model["versions"]) == ("headrace", ["1", "2"])
        assert (config["config"]["max_batch_size"], len(statistics["model_stats"])) == (64, 2)
        assert "add_sub" in {each["name"] for each in index["models"]}
    else:
        assert (metadata.name, model.inputs[0].datatype) == ("headrace", "INT32")
        assert (config.config.max_batch_size, len(statistics.model_stats)) == (64, 2)
        assert {each.state for each in index.models if each.name == "add_sub"} == {"READY"}


def test_loads_and_unloads(client: Any) -> None:
    client.unload_model("comes_and_goes", unload_dependents=True)
    assert not client.is_model_ready("comes_and_goes")
    client.load_model("comes_and_goes", config='{"max_batch_size": 3}')
    assert client.get_model_config("comes_and_goes").config.max_batch_size == 3
    client.load_model("comes_and_goes")
    assert client.get_model_config("comes_and_goes").config.max_batch_size == 64


def test_loads_a_model_that_it_sends(client: Any) -> None:
    content = identity("INT8").SerializeToString()
    client.load_model("sent", config="{}", files={"file:3/model.onnx": content})
    array = np.array([[1, 2, 3, 4]], np.int8)
    assert np.array_equal(client.infer("sent", inputs(triton, {"INPUT": array}), "3").as_numpy("OUTPUT"), array)
    client.unload_model("sent")
    assert not client.is_model_ready("sent")


def test_changes_trace_and_log_settings(client: Any) -> None:
    changed = client.update_trace_settings("add_sub", {"trace_level": ["TIMESTAMPS"], "trace_rate": "5"}, as_json=True)
    assert changed["settings"]["trace_rate"] == {"value": ["5"]}
    assert client.get_trace_settings("add_sub").settings["trace_level"].value == ["TIMESTAMPS"]
    client.update_trace_settings("add_sub", {"trace_rate": None, "trace_level": None})
    assert client.get_trace_settings(as_json=True)["settings"]["trace_level"] == {"value": ["OFF"]}
    client.update_log_settings({"log_verbose_level": 1, "log_format": "ISO8601"})
    assert client.get_log_settings(as_json=True)["settings"]["log_verbose_level"] == {"uint32_param": 1}
    client.update_log_settings({"log_verbose_level": 0, "log_format": "default"}, as_json=True)


def test_memory_of_graphics_cards_is_refused_in_words(client: Any) -> None:
    client.unregister_cuda_shared_memory()  # as Triton's examples for system memory do first
    with pytest.raises(InferenceServerException, match="computes on the CPU"):
        client.register_cuda_shared_memory("r", b"eA==", 0, 1)


def test_tells_what_was_wrong(client: Any, pair: Arrays) -> None:
    with pytest.raises(InferenceServerException, match="model 'other' is not in the repository"):
        client.infer("other", inputs(triton, pair))
    with pytest.raises(InferenceServerException, match=r"inputs\[0\]") as refused:
        client.infer("add_sub", inputs(triton, {**pair, "INPUT0": np.zeros((2, 5), np.int32)}))
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"


async def test_the_asynchronous_client_asks(aio: Any) -> None:
    assert await aio.is_server_live()
    assert await aio.is_server_ready()
    assert await aio.is_model_ready("add_sub", "1")
    assert (await aio.get_server_metadata()).name == "headrace"
    assert (await aio.get_model_metadata("add_sub", as_json=True))["name"] == "add_sub"
    assert (await aio.get_model_config("add_sub")).config.name == "add_sub"
    assert (await aio.get_model_repository_index()).models
    assert (await aio.get_inference_statistics("add_sub")).model_stats
    assert (await aio.get_trace_settings()).settings
    assert (await aio.get_log_settings()).settings
    assert not (await aio.get_system_shared_memory_status()).regions


async def test_the_asynchronous_client_infers(aio: Any, pair: Arrays) -> None:
    assert is_right(await aio.infer("add_sub", inputs(triton, pair), compression_algorithm="gzip"), pair)


async def test_the_asynchronous_client_streams(aio: Any, pair: Arrays) -> None:
    async def requests() -> AsyncIterator[dict[str, Any]]:
        for number in range(4):
            yield {"model_name": "add_sub", "inputs": inputs(triton, pair), "request_id": str(number)}

    told = [answer async for answer in aio.stream_infer(requests())]
    assert [result.get_response().id for result, error in told if error is None] == list("0123")
    assert all(is_right(result, pair) for result, _ in told)
