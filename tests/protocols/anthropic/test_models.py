"""Models as Anthropic lists them, for the SDK; without its header the path is another API's."""

import anthropic
import pytest

from headrace.protocols.anthropic.routes import routes as anthropic_routes
from headrace.protocols.openai.routes import routes as openai_routes
from tests.protocols.anthropic.test_messages import sdk
from tests.protocols.dialect_server import dialect_server


async def test_the_sdk_lists_the_models_that_answer_messages() -> None:
    async with dialect_server(anthropic_routes) as server, sdk(server) as client:
        found = [model async for model in client.models.list(limit=1)]
        one = await client.models.retrieve("thinker")
    assert [model.id for model in found] == ["chat", "thinker"]
    assert one == found[1]
    assert (one.type, one.lifecycle, one.max_input_tokens) == ("model", "active", 2048)


async def test_a_page_may_end_before_a_model() -> None:
    async with dialect_server(anthropic_routes) as server, sdk(server) as client:
        page = await client.models.list(before_id="thinker")
    assert ([model.id for model in page.data], page.has_more) == (["chat"], False)


async def test_what_is_wrong_is_said_in_anthropics_words() -> None:
    async with dialect_server(anthropic_routes) as server, sdk(server) as client:
        for wrong in ({"limit": 0}, {"after_id": "chat", "before_id": "chat"}):
            with pytest.raises(anthropic.BadRequestError):
                await client.models.list(**wrong)
        with pytest.raises(anthropic.NotFoundError):
            await client.models.list(after_id="nobody")
        with pytest.raises(anthropic.NotFoundError) as caught:
            await client.models.retrieve("nobody")
    assert caught.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]


async def test_the_header_says_whose_answer_it_is() -> None:
    async with dialect_server(lambda front: [*anthropic_routes(front), *openai_routes(front)]) as server:
        theirs = await server.ask("GET", "/v1/models", **{"anthropic-version": "2023-06-01"})
        ours = await server.ask("GET", "/v1/models")
    assert "has_more" in theirs.json
    assert ours.json["object"] == "list"
