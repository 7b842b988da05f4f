"""The `ollama` SDK, sync and async."""

import json
from typing import Any

import numpy as np
import ollama
import pytest

from tests.e2e.language_clients.asked import CHAT, CITY, MESSAGES, QUESTION, TEXTS, WEATHER

pytestmark = pytest.mark.slow

GREEDY: dict[str, Any] = {"temperature": 0, "num_predict": 40}
TOOL: Any = {"type": "function", "function": {"name": WEATHER, "description": "Its weather", "parameters": CITY}}


def test_a_chat_is_answered_whole_and_in_pieces(llama: ollama.Client) -> None:
    whole = llama.chat(CHAT, MESSAGES, options=GREEDY)
    parts = list(llama.chat(CHAT, MESSAGES, options=GREEDY, stream=True))
    assert "Paris" in (whole.message.content or "")
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert (whole.done, whole.done_reason, parts[-1].done_reason) == (True, "stop", "stop")
    assert whole.eval_count == parts[-1].eval_count
    assert whole.eval_duration and whole.prompt_eval_count


def test_a_prompt_is_answered_and_a_raw_one_continued(llama: ollama.Client) -> None:
    answer = llama.generate(CHAT, QUESTION, system="You are brief.", options=GREEDY)
    assert "Paris" in (answer.response or "")
    parts = llama.generate(CHAT, "One, two, three,", raw=True, options=GREEDY, stream=True)
    raw = "".join(part.response or "" for part in parts)
    assert raw.startswith(" four")


def test_a_format_is_kept_to(llama: ollama.Client) -> None:
    answer = llama.chat(CHAT, MESSAGES, format=CITY, options=GREEDY)
    assert set(json.loads(answer.message.content or "")) == {"city"}


def test_a_conversation_may_offer_tools(llama: ollama.Client) -> None:
    answer = llama.chat(CHAT, MESSAGES, tools=[TOOL], options=GREEDY)
    assert answer.message.content or answer.message.tool_calls


def test_texts_have_vectors(llama: ollama.Client) -> None:
    found = llama.embed(TEXTS, ["a cat", "a kitten", "a tax"])
    cat, kitten, tax = np.array(found.embeddings)
    assert len(cat) == 384
    assert cat @ kitten > cat @ tax
    (one,) = llama.embed(TEXTS, "a cat", dimensions=64).embeddings
    assert len(one) == 64
    assert len(llama.embeddings(TEXTS, "a cat").embedding) == 384


def test_models_are_listed_and_shown(llama: ollama.Client) -> None:
    listed = {model.model: model for model in llama.list().models}
    assert set(listed) == {CHAT, TEXTS}
    details = listed[CHAT].details
    assert details
    assert details.family == "llama"
    shown = llama.show(CHAT)
    assert "completion" in (shown.capabilities or ())
    assert shown.details and shown.details.format == "gguf"
    assert (shown.modelinfo or {})["llama.context_length"] == 8192
    assert "embedding" in (llama.show(TEXTS).capabilities or ())
    assert {model.model for model in llama.ps().models} == {CHAT, TEXTS}


async def test_the_async_client_streams(llama: ollama.Client) -> None:
    async with ollama.AsyncClient(str(llama._client.base_url)) as client:
        parts = [part async for part in await client.chat(CHAT, MESSAGES, options=GREEDY, stream=True)]
    assert parts[-1].done


def test_a_model_that_is_not_there_is_not_found(llama: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as refusal:
        llama.chat("nobody", MESSAGES)
    assert refusal.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="num_thread"):
        llama.chat(CHAT, MESSAGES, options={"num_thread": 4})
