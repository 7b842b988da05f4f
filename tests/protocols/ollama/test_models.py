"""What the Ollama API tells of models."""

from pathlib import Path

import msgspec
import ollama
import pytest

from headrace.protocols.ollama.models import Files, measure
from tests.fakes_generation import ADVISED
from tests.protocols.ollama.server import ollama_server, sdk


async def test_the_sdk_lists_language_models() -> None:
    async with ollama_server() as server, sdk(server) as client:
        models = (await client.list()).models
    assert [model.model for model in models] == ["base", "chat", "embedder", "thinker"]
    assert models[0].size == 1234
    assert len({model.digest for model in models}) == 4
    assert models[0].details
    assert (models[0].details.family, models[0].details.parameter_size) == ("llama", "1.0K")


async def test_every_model_is_in_memory() -> None:
    async with ollama_server() as server, sdk(server) as client:
        models = (await client.ps()).models
    assert [(model.name, model.context_length) for model in models] == [
        ("base", 2048),
        ("chat", 2048),
        ("embedder", 512),
        ("thinker", 2048),
    ]


async def test_the_sdk_sees_what_a_model_can_do() -> None:
    async with ollama_server() as server, sdk(server) as client:
        names = ("chat", "base", "thinker", "embedder:latest")
        chat, base, thinker, embedder = [await client.show(name) for name in names]
    assert chat.capabilities == ["completion", "tools"]
    assert base.capabilities == ["completion"]
    assert thinker.capabilities == ["completion", "tools", "thinking"]
    assert embedder.capabilities == ["embedding"]
    assert embedder.modelinfo
    assert embedder.modelinfo["bert.embedding_length"] == 4
    assert embedder.modelinfo["bert.context_length"] == 512


async def test_a_model_has_the_kind_of_its_file_and_tells_beside_it_how_it_is_held() -> None:
    async with ollama_server() as server, sdk(server) as client:
        embedder, base = [await client.show(name) for name in ("embedder", "base")]
    assert embedder.details
    assert embedder.modelinfo
    assert base.details
    assert (embedder.details.quantization_level, base.details.quantization_level) == ("F16", "unknown")
    assert embedder.modelinfo["headrace.precision"] == "f32"


async def test_the_sdk_sees_what_a_model_recommends() -> None:
    async with ollama_server() as server, sdk(server) as client:
        server.chat.signature = msgspec.structs.replace(server.chat.signature, language=ADVISED)
        parameters = (await client.show("chat")).parameters
    assert parameters
    assert ["temperature", "0.7"] in [line.split() for line in parameters.splitlines()]


async def test_a_model_that_is_not_there_is_not_found() -> None:
    async with ollama_server() as server, sdk(server) as client:
        with pytest.raises(ollama.ResponseError) as caught:
            await client.show("nothing")
    assert caught.value.status_code == 404


async def test_older_clients_say_name() -> None:
    async with ollama_server() as server:
        assert (await server.ask("POST", "/api/show", {"name": "chat"})).status == 200
        answer = await server.ask("POST", "/api/show", {})
    assert (answer.status, answer.json["error"]) == (400, "model: is missing")


def test_a_model_takes_what_its_files_take(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"4")
    assert measure(tmp_path).size_bytes == 4
    assert measure(tmp_path / "a").size_bytes == 3
    assert measure(tmp_path / "gone") == Files(0, 0.0)
