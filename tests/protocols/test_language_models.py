"""Which model a request is for."""

import pytest
from starlette.requests import Request

from headrace.errors import HeadraceError, InvalidRequest, ModelNotFound, VersionNotFound
from headrace.models.wishes import Wishes
from headrace.protocols.language_models import find_model, language_models
from headrace.types import ModelRef
from tests.fakes_generation import BASE, CHAT, EMBEDDER, ScriptedModel, publish
from tests.protocols.oip.stub import Stub


def stub_with(*models: ScriptedModel) -> Stub:
    stub = Stub()
    publish(stub.registry, *models)
    return stub


def asking() -> Request:
    return Request({"type": "http"})


async def test_only_models_of_language_are_listed() -> None:
    stub = stub_with(ScriptedModel(), ScriptedModel(BASE, "base"))
    assert [served.version.name for served in language_models(stub.front)] == ["base", "chat"]


async def test_a_model_whose_stable_version_is_not_there_is_not_listed() -> None:
    stub = stub_with(ScriptedModel(), ScriptedModel(BASE, "base"))
    stub.registry.wish("chat", Wishes(labels={"stable": 2}))
    assert [served.version.name for served in language_models(stub.front)] == ["base"]


async def test_a_model_is_found_by_its_name_and_by_its_version() -> None:
    stub = stub_with(ScriptedModel(), ScriptedModel(BASE, "qwen:7"))
    assert await find_model(stub.front, asking(), "chat") == (ModelRef("chat"), CHAT)
    assert await find_model(stub.front, asking(), "chat:1") == (ModelRef("chat", 1), CHAT)
    assert await find_model(stub.front, asking(), "qwen:7") == (ModelRef("qwen:7"), BASE)


async def test_a_label_stands_for_a_version() -> None:
    stub = stub_with(ScriptedModel(), ScriptedModel(BASE, "me@home"))
    stub.registry.wish("chat", Wishes(labels={"stable": 1}, routed={"stable": 1}))
    assert await find_model(stub.front, asking(), "chat@stable") == (ModelRef("chat", None, "stable"), CHAT)
    assert await find_model(stub.front, asking(), "me@home") == (ModelRef("me@home"), BASE)
    with pytest.raises(VersionNotFound, match="no label 'canary'; labels: stable") as caught:
        await find_model(stub.front, asking(), "chat@canary")
    assert caught.value.where == "model"


async def test_without_a_name_the_only_one_that_can_is_taken() -> None:
    stub = stub_with(ScriptedModel(), ScriptedModel(EMBEDDER, "embedder"))
    assert (await find_model(stub.front, asking(), None, "generate"))[0] == ModelRef("chat")
    assert (await find_model(stub.front, asking(), None, "score"))[0] == ModelRef("embedder")
    with pytest.raises(InvalidRequest, match="chat, embedder"):
        await find_model(stub.front, asking(), None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "not in the repository"),
        ("chat:9", "no version 9"),
        ("add_sub", "is not a language model; it takes tensors, and /v2/models/add_sub tells which"),
        ("add_sub:1", "and /v2/models/add_sub tells which"),
        ("embedder", "cannot generate; it can embed"),
        ("add_sub_loading", "LOADING"),
    ],
)
async def test_a_model_that_will_not_do_is_refused_with_its_field(name: str, message: str) -> None:
    stub = stub_with(ScriptedModel(), ScriptedModel(EMBEDDER, "embedder"))
    with pytest.raises(HeadraceError, match=message) as caught:
        await find_model(stub.front, asking(), name, "generate")
    assert caught.value.where == "model"


async def test_a_model_that_is_not_there_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        await find_model(Stub().front, asking(), "nothing")
