"""Every method of `tritonclient.http`, unmodified, against `headrace serve`."""

from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, shared_memory

from tests.e2e.clients.conftest import REGION_BYTES, Region
from tests.e2e.tensors import Arrays, inputs
from tests.models.onnx_models import identity
from tests.program import Program

pytestmark = pytest.mark.slow


@pytest.fixture
def client(program: Program) -> Iterator[Any]:
    with triton.InferenceServerClient(program.http, concurrency=4) as made:
        yield made


def requested(binary: bool) -> list[Any]:
    return [triton.InferRequestedOutput(f"OUTPUT{number}", binary_data=binary) for number in (0, 1)]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_infers_in_json_and_binary(client: Any, pair: Arrays, binary_in: bool, binary_out: bool | None) -> None:
    outputs = None if binary_out is None else requested(binary_out)
    result = client.infer("add_sub", inputs(triton, pair, binary_data=binary_in), outputs=outputs, request_id="mine")
    assert np.array_equal(result.as_numpy("OUTPUT0"), pair["INPUT0"] + pair["INPUT1"])
    assert np.array_equal(result.as_numpy("OUTPUT1"), pair["INPUT0"] - pair["INPUT1"])
    assert result.get_response()["id"] == "mine"
    assert result.get_output("OUTPUT0")["shape"] == [2, 16]
    assert result.as_numpy("OTHER") is None


@pytest.mark.parametrize("version", ["1", "2"])
def test_infers_with_a_version_of_its_choice(client: Any, pair: Arrays, version: str) -> None:
    result = client.infer("add_sub", inputs(triton, pair), model_version=version)
    assert result.get_response()["model_version"] == version


@pytest.mark.parametrize("sent", [None, "gzip", "deflate"])
@pytest.mark.parametrize("asked", [None, "gzip", "deflate"])
def test_infers_compressed_either_way(client: Any, sent: str | None, asked: str | None) -> None:
    pair = {name: np.zeros((64, 16), np.int32) for name in ("INPUT0", "INPUT1")}
    result = client.infer(
        "add_sub",
        inputs(triton, pair),
        request_compression_algorithm=sent,
        response_compression_algorithm=asked,
    )
    assert not result.as_numpy("OUTPUT0").any()


def test_infers_with_everything_else_that_a_request_can_say(client: Any, pair: Arrays) -> None:
    result = client.infer(
        "add_sub",
        inputs(triton, pair),
        sequence_id=7,
        sequence_start=True,
        sequence_end=True,
        priority=1,
        timeout=60_000_000,
        headers={"x-mine": "1"},
        query_params={"mine": "1"},
        parameters={"text": "a", "number": 1, "flag": True, "share": 0.5},
    )
    assert result.as_numpy("OUTPUT1").shape == (2, 16)


def test_infers_many_at_once(client: Any, pair: Arrays) -> None:
    asked = [{name: array + number for name, array in pair.items()} for number in range(32)]
    pending = [client.async_infer("add_sub", inputs(triton, arrays)) for arrays in asked]
    for arrays, one in zip(asked, pending, strict=True):
        assert np.array_equal(one.get_result().as_numpy("OUTPUT0"), arrays["INPUT0"] + arrays["INPUT1"])


def test_bodies_that_were_made_and_are_read_apart_from_the_client(program: Program, client: Any, pair: Arrays) -> None:
    body, length = triton.InferenceServerClient.generate_request_body(inputs(triton, pair), outputs=requested(True))
    response = client._post("v2/models/add_sub/infer", body, {"Inference-Header-Content-Length": str(length)}, None)
    told = int(response["Inference-Header-Content-Length"])
    result = triton.InferenceServerClient.parse_response_body(response.read(), header_length=told)
    assert np.array_equal(result.as_numpy("OUTPUT0"), pair["INPUT0"] + pair["INPUT1"])


@pytest.mark.parametrize("count", [1, 2, 99])
def test_classifies(client: Any, pair: Arrays, count: int) -> None:
    outputs = [triton.InferRequestedOutput("OUTPUT0", class_count=count)]
    classes = client.infer("add_sub", inputs(triton, pair), outputs=outputs).as_numpy("OUTPUT0")
    assert classes.shape == (2, min(count, 16))
    assert classes[0, 0] == b"108:15"
    assert count < 99 or b"48:0:cat" in classes[0]


@pytest.mark.parametrize("binary", [True, False])
def test_strings_come_back_as_they_went(client: Any, binary: bool) -> None:
    words = np.array([["", "ü", "a b", "x" * 1000]], dtype=object)
    outputs = [triton.InferRequestedOutput("OUTPUT", binary_data=binary)]
    result = client.infer("bytes", inputs(triton, {"INPUT": words}, binary_data=binary), outputs=outputs)
    assert [bytes(word).decode() if binary else word for word in result.as_numpy("OUTPUT")[0]] == words[0].tolist()


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
        assert client.get_system_shared_memory_status("region")[0]["byte_size"] == REGION_BYTES
        given = [triton.InferInput(name, [2, 16], "INT32") for name in pair]
        wanted = requested(True)
        for number, tensor in enumerate([*given, *wanted]):
            tensor.set_shared_memory("region", 128, offset=128 * number)
        client.infer("add_sub", given, outputs=wanted)
        found = shared_memory.get_contents_as_numpy(region.handle, np.int32, [2, 16], offset=256)
        assert np.array_equal(found, pair["INPUT0"] + pair["INPUT1"])
    finally:
        client.unregister_system_shared_memory("region")
    assert client.get_system_shared_memory_status() == []
    client.unregister_system_shared_memory()


def test_asks_after_server_and_models(client: Any) -> None:
    assert client.is_server_live(headers={"x-mine": "1"}, query_params={"mine": ["1", "2"]})
    assert client.is_server_ready()
    assert client.is_model_ready("add_sub")
    assert client.is_model_ready("add_sub", "2")
    assert not client.is_model_ready("add_sub", "3")
    assert client.get_server_metadata()["name"] == "headrace"
    assert client.get_model_metadata("add_sub")["versions"] == ["1", "2"]
    assert client.get_model_metadata("add_sub", "1")["inputs"][0] == {
        "name": "INPUT0",
        "datatype": "INT32",
        "shape": [-1, 16],
    }
    assert client.get_model_config("add_sub")["max_batch_size"] == 64
    index = {(model["name"], model["version"]): model["state"] for model in client.get_model_repository_index()}
    assert index["add_sub", "1"] == index["bytes", "1"] == "READY"


def test_counts_what_was_asked(client: Any, pair: Arrays) -> None:
    def counted() -> dict[str, Any]:
        told: dict[str, Any] = client.get_inference_statistics("add_sub", "1")["model_stats"][0]
        return told

    before = counted()
    client.infer("add_sub", inputs(triton, pair), "1")
    after = counted()
    assert after["inference_count"] - before["inference_count"] == 2
    assert after["execution_count"] - before["execution_count"] == 1
    assert after["inference_stats"]["success"]["ns"] > before["inference_stats"]["success"]["ns"]
    assert len(client.get_inference_statistics()["model_stats"]) >= 6


def test_loads_and_unloads(client: Any) -> None:
    client.unload_model("comes_and_goes", unload_dependents=True)
    assert not client.is_model_ready("comes_and_goes")
    client.load_model("comes_and_goes", config='{"max_batch_size": 3}')
    assert client.get_model_config("comes_and_goes")["max_batch_size"] == 3
    client.load_model("comes_and_goes")
    assert client.get_model_config("comes_and_goes")["max_batch_size"] == 64


def test_loads_a_model_that_it_sends(client: Any) -> None:
    content = identity("INT8").SerializeToString()
    client.load_model("sent", config="{}", files={"file:3/model.onnx": content})
    array = np.array([[1, 2, 3, 4]], np.int8)
    assert np.array_equal(client.infer("sent", inputs(triton, {"INPUT": array}), "3").as_numpy("OUTPUT"), array)
    client.unload_model("sent")
    assert not client.is_model_ready("sent")


def test_changes_trace_and_log_settings(client: Any) -> None:
    told = client.update_trace_settings("add_sub", {"trace_level": ["TIMESTAMPS"], "trace_rate": "5"})
    assert (told["trace_level"], told["trace_rate"]) == (["TIMESTAMPS"], "5")
    assert client.get_trace_settings("add_sub")["trace_rate"] == "5"
    assert client.update_trace_settings("add_sub", {"trace_rate": None, "trace_level": None})["trace_rate"] == "1000"
    assert client.get_trace_settings()["trace_level"] == ["OFF"]
    assert client.update_log_settings({"log_verbose_level": 1})["log_verbose_level"] == 1
    assert client.update_log_settings({"log_verbose_level": 0})["log_verbose_level"] == 0
    assert client.get_log_settings()["log_info"] is True


def test_memory_of_graphics_cards_is_refused_in_words(client: Any) -> None:
    client.unregister_cuda_shared_memory()  # as Triton's examples for system memory do first
    with pytest.raises(InferenceServerException, match="use system shared memory"):
        client.register_cuda_shared_memory("r", b"eA==", 0, 1)


def test_tells_what_was_wrong(client: Any, pair: Arrays) -> None:
    with pytest.raises(InferenceServerException, match="model 'other' is not in the repository"):
        client.infer("other", inputs(triton, pair))
    with pytest.raises(InferenceServerException, match="INPUT1"):
        client.infer("add_sub", inputs(triton, {"INPUT0": pair["INPUT0"]}))
    with pytest.raises(InferenceServerException, match=r"inputs\[0\]") as refused:
        client.async_infer("add_sub", inputs(triton, {**pair, "INPUT0": np.zeros((2, 5), np.int32)})).get_result()
    assert refused.value.status() == "400"


async def test_the_asynchronous_client_asks_and_infers(program: Program, pair: Arrays) -> None:
    async with triton_aio.InferenceServerClient(program.http) as client:
        assert await client.is_server_ready()
        assert await client.is_model_ready("add_sub", "1")
        assert (await client.get_model_metadata("add_sub"))["versions"] == ["1", "2"]
        assert (await client.get_model_config("add_sub"))["max_batch_size"] == 64
        assert await client.get_model_repository_index()
        for compression in (None, "gzip", "deflate"):
            result = await client.infer(
                "add_sub",
                inputs(triton, pair),
                request_compression_algorithm=compression,
                response_compression_algorithm=compression,
            )
            assert np.array_equal(result.as_numpy("OUTPUT0"), pair["INPUT0"] + pair["INPUT1"])
        with pytest.raises(InferenceServerException, match="is not in the repository"):
            await client.infer("other", inputs(triton, pair))
