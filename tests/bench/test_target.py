"""What a server says of itself."""

from typing import Any, cast

import msgspec
import pytest

from headrace.bench.address import Address
from headrace.bench.grpc_wire import Called, GrpcWire
from headrace.bench.http_wire import Fetched, HttpWire
from headrace.bench.target import GrpcTarget, HttpTarget, Refused
from headrace.generated import service_pb2 as pb
from headrace.types import TensorSpec

ADDRESS = Address("host", 80)
INDEX = [{"name": "b", "state": "READY"}, {"name": "a", "state": "READY"}, {"name": "c", "state": "UNAVAILABLE"}]


class Answers:
    """By method and path: a status and an object."""

    def __init__(self, answers: dict[str, tuple[int, Any]]) -> None:
        self._answers = answers
        self.asked: list[bytes] = []

    async def fetch(self, head: bytes) -> Fetched:
        self.asked.append(head)
        status, said = self._answers.get(" ".join(head.decode().split(" ")[:2]), (404, {"error": "no such route"}))
        return Fetched(status, b"", said if isinstance(said, bytes) else msgspec.json.encode(said))


def _http(answers: dict[str, tuple[int, Any]], *, chats: bool = False, model: str = "m") -> HttpTarget:
    return HttpTarget(cast(HttpWire, Answers(answers)), ADDRESS, model, None, {"authorization": "x"}, chats)


async def test_a_model_says_its_inputs() -> None:
    said = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]}
    target = _http({"GET /v2/models/m": (200, said)})
    assert await target.inputs() == [TensorSpec("x", "FP32", (-1, 3))]


async def test_a_model_that_is_not_there_is_told_with_those_that_are() -> None:
    target = _http({"GET /v2/models/m": (404, {"error": "no m"}), "POST /v2/repository/index": (200, INDEX)})
    with pytest.raises(Refused, match="no m; the server has a, b"):
        await target.inputs()


async def test_a_server_that_lists_nothing_has_no_model_to_name() -> None:
    target = _http({"GET /v2/models/m": (404, {"error": "no m"})})
    with pytest.raises(Refused, match="no m; the server has no such model ready"):
        await target.inputs()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, {"error": {"message": "who are you"}}), "the server answered 401: who are you"),
        ((200, b"<html>"), "the server's answer is not JSON: <html>"),
        ((200, [1]), "the server's answer is not a JSON object"),
        ((200, {"inputs": [{"name": "x"}]}), "is not one of the Open Inference Protocol"),
    ],
)
async def test_what_is_no_answer_is_told(answer: tuple[int, Any], message: str) -> None:
    with pytest.raises(Refused) as refused:
        await _http({"GET /v2/models/m": answer}).inputs()
    assert message in str(refused.value)


async def test_a_model_to_chat_with_is_looked_for_and_has_no_inputs() -> None:
    assert await _http({"GET /v1/models/m": (200, {"id": "m"})}, chats=True).inputs() == []
    listed = {"data": [{"id": "smol"}]}
    target = _http(
        {"GET /v1/models/m": (404, {"error": {"message": "model: no m"}}), "GET /v1/models": (200, listed)}, chats=True
    )
    with pytest.raises(Refused, match=r"^no m; the server has smol"):
        await target.inputs()


async def test_a_server_that_only_lists_models_will_do() -> None:
    assert await _http({"GET /v1/models": (200, {"data": [{"id": "m"}]})}, chats=True).inputs() == []


async def test_counts_come_from_statistics_and_reasons_from_metrics() -> None:
    stats = {"model_stats": [{"inference_count": 3, "execution_count": 2}]}
    page = b'headrace_batches_total{model="m",version="1",reason="idle"} 2\n'
    reading = await _http({"GET /v2/models/m/stats": (200, stats), "GET /metrics": (200, page)}).reading()
    assert reading
    assert (reading.rows, reading.runs, reading.reasons) == (3, 2, {"idle": 2})


async def test_a_server_without_statistics_has_no_reading() -> None:
    assert await _http({}).reading() is None


class Calls:
    """By method: a code, words and a message."""

    def __init__(self, answers: dict[str, tuple[str, str, Any]]) -> None:
        self._answers = answers

    async def call(self, head: bytes, message: bytes) -> Called:
        name = next(each for each in self._answers if f"/{each}".encode() in head)
        code, note, said = self._answers[name]
        return Called(code, note, said if isinstance(said, bytes) else said.SerializeToString())


def _grpc(answers: dict[str, tuple[str, str, Any]]) -> GrpcTarget:
    return GrpcTarget(cast(GrpcWire, Calls(answers)), ADDRESS, "m", None, {})


async def test_the_same_is_asked_over_grpc() -> None:
    inputs = [pb.ModelMetadataResponse.TensorMetadata(name="x", datatype="FP32", shape=[-1, 3])]
    target = _grpc({"ModelMetadata": ("OK", "", pb.ModelMetadataResponse(inputs=inputs))})
    assert await target.inputs() == [TensorSpec("x", "FP32", (-1, 3))]


async def test_a_model_that_is_not_there_over_grpc_is_told_with_those_that_are() -> None:
    models = [pb.RepositoryIndexResponse.ModelIndex(name=each["name"], state=each["state"]) for each in INDEX]
    index = pb.RepositoryIndexResponse(models=models)
    target = _grpc({"ModelMetadata": ("NOT_FOUND", "no m", b""), "RepositoryIndex": ("OK", "", index)})
    with pytest.raises(Refused, match="no m; the server has a, b"):
        await target.inputs()


async def test_counts_over_grpc_are_numbers() -> None:
    stats = pb.ModelStatistics(inference_count=3, execution_count=2)
    target = _grpc({"ModelStatistics": ("OK", "", pb.ModelStatisticsResponse(model_stats=[stats]))})
    reading = await target.reading()
    assert reading
    assert (reading.rows, reading.runs) == (3, 2)


async def test_a_server_that_answers_nonsense_over_grpc_is_told() -> None:
    with pytest.raises(Refused, match="ModelMetadata is not one of the Open Inference Protocol"):
        await _grpc({"ModelMetadata": ("OK", "", b"\xff\xff\xff")}).inputs()
