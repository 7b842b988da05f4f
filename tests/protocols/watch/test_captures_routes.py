"""What was captured, over HTTP."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest
from starlette.routing import Route

from headrace.capture.capture import Capture
from headrace.capture.choice import Choice
from headrace.capture.redaction import Redaction
from headrace.errors import InvalidRequest
from headrace.protocols.watch.captures_routes import CapturesRoutes
from headrace.records import SampleRecord
from headrace.types import BatchFacts, ModelVersion, Tensor
from tests.pages import get
from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub

TENSOR = Tensor("x", "UINT8", (2,), b"\1\2")


@pytest.fixture
async def capture() -> AsyncIterator[Capture]:
    made = Capture(Choice(1.0), Redaction({}), None, 1 << 20, 0, lambda: 0)
    await made.start()
    run = BatchFacts(1, 1, "idle", 0, 5)
    made([SampleRecord(ModelVersion("m", version), "r", "", (TENSOR,), (TENSOR,), 9, run) for version in (1, 2, 2)])
    yield made
    await made.close()


def routes(capture: Capture) -> list[Route]:
    return CapturesRoutes(capture, lambda name: name == "known").routes()


async def test_each_version_is_summed_up(capture: Capture) -> None:
    _, _, body = await get(routes(capture), "/v2/headrace/captures")
    assert [(each["version"], each["requests"]) for each in json.loads(body)["captures"]] == [("1", 1), ("2", 2)]


async def test_requests_come_page_by_page_with_their_tensors(capture: Capture) -> None:
    asked = routes(capture)
    first = json.loads((await get(asked, "/v2/headrace/captures/m", "limit=2"))[2])
    assert [each["number"] for each in first["captures"]] == [1, 2]
    assert b64decode(first["captures"][0]["inputs"][0]["data"]) == b"\1\2"
    rest = json.loads((await get(asked, "/v2/headrace/captures/m", f"limit=2&after={first['next']}"))[2])
    assert ([each["number"] for each in rest["captures"]], rest["next"]) == ([3], None)
    second = json.loads((await get(asked, "/v2/headrace/captures/m", "version=2"))[2])
    assert [each["version"] for each in second["captures"]] == [2, 2]


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "after=-1", "version=stable"])
async def test_a_wrong_number_is_named(capture: Capture, query: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await get(routes(capture), "/v2/headrace/captures/m", query)
    assert caught.value.where == query.partition("=")[0]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_model_that_is_not_there_and_was_not_is_told(capture: Capture, method: str) -> None:
    async with serving(Stub(), more=routes(capture)) as (port, _), connected(port) as wire:
        unknown = await wire.ask(method, "/v2/headrace/captures/nope", b"")
        known = await wire.ask(method, "/v2/headrace/captures/known", b"")
    assert (unknown.status, unknown.json["code"]) == (404, "model_not_found")
    assert unknown.json["error"] == "model 'nope' is not in the repository, and nothing is captured of it"
    assert known.status == 200


async def test_what_was_captured_of_a_model_that_has_gone_is_told_to_its_last_page(capture: Capture) -> None:
    for after, left in ((0, 3), (3, 0)):
        _, _, body = await get(routes(capture), "/v2/headrace/captures/m", f"limit=3&after={after}")
        assert len(json.loads(body)["captures"]) == left
