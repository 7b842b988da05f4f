"""Labels over HTTP."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from headrace.drift.feedback import Judged
from headrace.errors import NotFound
from headrace.protocols.watch.feedback_routes import FeedbackRoutes
from tests.protocols.oip.http_server import Wire, connected, serving
from tests.protocols.oip.stub import Stub

PATH = "/v2/headrace/feedback"


@asynccontextmanager
async def wire(judged: list[tuple[str, list[object]]]) -> AsyncIterator[Wire]:
    async def judge(request_id: str, labels: Sequence[str | int | float]) -> msgspec.Struct:
        if request_id == "gone":
            raise NotFound("no answer is remembered of request 'gone'")
        judged.append((request_id, list(labels)))
        return Judged("m", "1", len(labels), 1, None, "counted")

    async with serving(Stub(), more=FeedbackRoutes(judge).routes()) as (port, _), connected(port) as open_wire:
        yield open_wire


async def test_a_label_or_one_for_each_row_is_taken() -> None:
    judged: list[tuple[str, list[object]]] = []
    async with wire(judged) as ask:
        told = await ask.ask("POST", PATH, b'{"id": "a", "label": "cat"}')
        await ask.ask("POST", PATH, b'{"id": "b", "label": [1, 0.5, true, "x"]}')
    assert judged == [("a", ["cat"]), ("b", [1, 0.5, 1, "x"])]
    assert told.json["outcome"] == "counted"
    assert (told.json["model"], told.json["right"]) == ("m", 1)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"id": "gone", "label": 1}', 404, "no answer is remembered"),
        (b'{"id": "", "label": 1}', 400, "id: is empty"),
        (b'{"id": "a"}', 400, "label"),
        (b'{"id": "a", "label": {"x": 1}}', 400, "label"),
        (b'{"id": "a", "label": 1, "lable": 2}', 400, "did you mean 'label'"),
        (b'{"id": "a", "label": "' + b"x" * 2000 + b'"}', 400, "give at most 1024"),
        (b"nothing", 400, "JSON"),
    ],
)
async def test_what_is_wrong_is_named(body: bytes, status: int, said: str) -> None:
    async with wire([]) as ask:
        answer = await ask.ask("POST", PATH, body)
    assert answer.status == status
    assert said in answer.json["error"]
