"""The models that clients can choose from."""

import openai
import pytest

from tests.protocols.openai.server import openai_server


async def test_the_sdk_lists_models_of_language_only() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        found = [model.id async for model in sdk.models.list()]
    assert found == ["base", "chat", "embedder", "thinker"]


async def test_the_sdk_gets_one_model() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        model = await sdk.models.retrieve("chat")
        with pytest.raises(openai.NotFoundError, match="not in the repository"):
            await sdk.models.retrieve("some/thing")
    assert (model.id, model.object, model.created, model.owned_by) == ("chat", "model", 1_700_000_000, "headrace")
    assert model.model_extra
    assert model.model_extra["max_model_len"] == 2048
