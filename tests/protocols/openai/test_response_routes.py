"""Responses that are kept: got, listed, cancelled and forgotten."""

import asyncio
from typing import Any

import openai
import pytest

from headrace.errors import NotFound
from headrace.protocols.openai.response_routes import page
from tests.protocols.openai.server import openai_server

ITEMS: Any = tuple({"id": str(i)} for i in range(5))


async def test_a_response_can_be_got_and_forgotten() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        made = await sdk.responses.create(model="chat", input="?")
        assert await sdk.responses.retrieve(made.id) == made
        await sdk.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await sdk.responses.retrieve(made.id)


async def test_a_response_is_there_for_its_own_tenant_alone() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        north = sdk.with_options(default_headers={"X-Tenant": "north"})
        made = await north.responses.create(model="chat", input="?")
        south = sdk.with_options(default_headers={"X-Tenant": "south"})
        for ask in (south.responses.retrieve, south.responses.delete, south.responses.input_items.list):
            with pytest.raises(openai.NotFoundError):
                await ask(made.id)
        assert await north.responses.retrieve(made.id) == made


async def test_a_streamed_response_can_be_got_afterwards() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        async with sdk.responses.stream(model="chat", input="?") as stream:
            final = await stream.get_final_response()
        assert (await sdk.responses.retrieve(final.id)).output_text == final.output_text


async def test_the_input_is_listed_the_newest_first() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="a")
        second = await sdk.responses.create(model="chat", input="b", previous_response_id=first.id)
        items = [item async for item in sdk.responses.input_items.list(second.id, limit=2)]
    assert [item.to_dict()["role"] for item in items] == ["user", "assistant", "user"]


async def test_a_response_that_is_streamed_can_be_cancelled() -> None:
    async with openai_server(hold=True) as server, server.sdk() as sdk:
        stream = await _begun(server, sdk)
        created = await anext(stream)
        assert (await sdk.responses.retrieve(created.response.id)).status == "in_progress"
        cancelled = await sdk.responses.cancel(created.response.id)
        *_, last = [event async for event in stream]
        kept = await sdk.responses.retrieve(created.response.id)
    assert (cancelled.status, kept.status, last.type) == ("cancelled", "cancelled", "response.incomplete")
    assert cancelled.output_text == "Paris"
    assert server.chat.cancelled == [created.response.id]


async def test_a_response_that_is_streamed_is_got_as_far_as_it_has_come() -> None:
    async with openai_server(hold=True) as server, server.sdk() as sdk:
        stream = await _begun(server, sdk)
        created = await anext(stream)
        assert (await sdk.responses.retrieve(created.response.id)).output_text == "Paris"
        await sdk.responses.cancel(created.response.id)


async def test_a_response_that_is_deleted_while_it_is_streamed_goes_on_and_is_not_kept() -> None:
    async with openai_server(hold=True) as server, server.sdk() as sdk:
        stream = await _begun(server, sdk)
        created = await anext(stream)
        await sdk.responses.delete(created.response.id)
        with pytest.raises(openai.NotFoundError):
            await sdk.responses.retrieve(created.response.id)
        for _ in server.chat.words[1:]:
            server.chat.step()
        *_, last = [event async for event in stream]
        with pytest.raises(openai.NotFoundError):
            await sdk.responses.retrieve(created.response.id)
    assert (last.type, server.chat.cancelled) == ("response.completed", [])


async def _begun(server: Any, sdk: openai.AsyncOpenAI) -> Any:
    """A stream whose first piece is on its way."""
    asking = asyncio.create_task(sdk.responses.create(model="chat", input="?", stream=True))
    await server.chat.arrived.wait()
    server.chat.step()
    return aiter(await asking)


async def test_a_response_that_has_ended_cannot_be_cancelled() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        made = await sdk.responses.create(model="chat", input="?")
        with pytest.raises(openai.BadRequestError, match="is completed"):
            await sdk.responses.cancel(made.id)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?stream=true", "stream"),
        ("?starting_after=1", "starting_after"),
        ("?include=file_search_call.results", "include"),
        ("/input_items?limit=0", "limit"),
        ("/input_items?limit=101", "limit"),
        ("/input_items?order=up", "order"),
        ("/input_items?after=nothing", "after"),
    ],
)
async def test_what_is_wrong_in_a_query_is_refused_by_its_name(query: str, param: str) -> None:
    async with openai_server() as server, server.sdk() as sdk:
        made = await sdk.responses.create(model="chat", input="?")
        answer = await server.ask("GET", f"/v1/responses/{made.id}{query}")
    assert answer.status in (400, 404)
    assert answer.json["error"]["param"] == param


async def test_another_method_is_refused() -> None:
    async with openai_server() as server:
        answer = await server.ask("PUT", "/v1/responses/a")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, DELETE")


def test_pages_follow_each_other() -> None:
    first = page(ITEMS, "desc", None, 2)
    second = page(ITEMS, "desc", first["last_id"], 3)
    assert [item["id"] for item in (*first["data"], *second["data"])] == ["4", "3", "2", "1", "0"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert page(ITEMS, "asc", None, 9)["first_id"] == "0"
    with pytest.raises(NotFound):
        page(ITEMS, "asc", "9", 1)
