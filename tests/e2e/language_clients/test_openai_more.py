"""Responses, embeddings, reranking and models through the `openai` SDK."""

import base64
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openai
import pytest
from pydantic import BaseModel, Field

from tests.e2e.language_clients.asked import CHAT, CITY, QUESTION, TEXTS, WEATHER

pytestmark = pytest.mark.slow

TOOL: Any = {"type": "function", "name": WEATHER, "description": "Its weather", "parameters": CITY, "strict": True}

GOLDEN = Path(__file__).parent / "minilm.npz"
"""Written by tools/golden_vectors.py."""


class Verdict(BaseModel):
    city: str = Field(max_length=20)
    size: Literal["small", "large"]


def respond(client: openai.OpenAI, **more: Any) -> Any:
    given: dict[str, Any] = {"input": QUESTION, "temperature": 0, "max_output_tokens": 40} | more
    return client.responses.create(model=CHAT, **given)


def test_a_response_is_gone_on_from_with_all_that_was_said(client: openai.OpenAI) -> None:
    first = respond(client)
    assert "Paris" in first.output_text
    second = respond(client, input="Which city did you name?", previous_response_id=first.id)
    assert second.usage.input_tokens > first.usage.total_tokens
    items = client.responses.input_items.list(second.id).data
    assert len(items) == 3
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_instructions_are_read_and_not_taken_over(client: openai.OpenAI) -> None:
    plain = respond(client, max_output_tokens=1)
    told = respond(client, max_output_tokens=1, instructions="Answer in the words of a sailor. " * 20)
    assert told.usage.input_tokens > plain.usage.input_tokens + 100
    after = respond(client, max_output_tokens=1, previous_response_id=told.id)
    assert after.usage.input_tokens < told.usage.input_tokens


def test_a_response_streams_as_the_sdk_gathers_it(client: openai.OpenAI) -> None:
    asked: Any = {"model": CHAT, "input": QUESTION, "temperature": 0, "max_output_tokens": 40}
    with client.responses.stream(**asked) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == final.output_text
    assert final.output_text == respond(client).output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")


async def test_the_async_client_reads_the_events_of_a_response(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.responses.create(
        model=CHAT, input=[{"role": "user", "content": QUESTION}], max_output_tokens=5, temperature=0, stream=True
    )
    kinds = [event.type async for event in stream]
    assert kinds[-1] == "response.incomplete"


def test_a_response_is_parsed_into_a_model_of_pydantic(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(model=CHAT, input=QUESTION, text_format=Verdict, temperature=0)
    assert isinstance(parsed.output_parsed, Verdict)


def test_a_response_calls_a_tool_and_takes_its_result(client: openai.OpenAI) -> None:
    asked: Any = {"tools": [TOOL], "parallel_tool_calls": False}
    first = respond(client, **asked, tool_choice="required", max_output_tokens=80)
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert set(json.loads(call.arguments)) == {"city"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "It is sunny."}
    after = respond(client, **asked, input=[result], previous_response_id=first.id, tool_choice="none")
    assert after.output_text


def test_a_response_is_incomplete_where_its_tokens_end(client: openai.OpenAI) -> None:
    cut = respond(client, max_output_tokens=2)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def vectors(client: openai.OpenAI, texts: Any, **more: Any) -> Any:
    return np.array([each.embedding for each in client.embeddings.create(model=TEXTS, input=texts, **more).data])


def test_vectors_are_those_of_sentence_transformers(client: openai.OpenAI) -> None:
    with np.load(GOLDEN) as golden:
        texts, expected = golden["texts"].tolist(), golden["vectors"]
    found = vectors(client, texts, extra_body={"truncate_prompt_tokens": -1}, encoding_format="float")
    assert (found * expected).sum(axis=1).min() > 0.9999


def test_what_means_the_same_is_close(client: openai.OpenAI) -> None:
    cat, kitten, tax = vectors(client, ["A cat sleeps.", "A kitten is asleep.", "Income tax is due in April."])
    assert cat @ kitten > 0.7
    assert cat @ tax < 0.3
    assert np.linalg.norm(cat) == pytest.approx(1, abs=1e-5)


def test_the_sdk_reads_both_encodings_alike(client: openai.OpenAI) -> None:
    floats, packed = (vectors(client, "a cat", encoding_format=form) for form in ("float", "base64"))
    assert np.allclose(floats, vectors(client, "a cat"), atol=1e-6)
    decoded = np.array([np.frombuffer(base64.b64decode(each), "<f4") for each in packed.tolist()])
    assert np.allclose(floats, decoded, atol=1e-6)


def test_token_ids_have_the_vector_of_their_text(client: openai.OpenAI) -> None:
    made: Any = client.post("../tokenize", body={"model": TEXTS, "prompt": "a cat"}, cast_to=object)
    assert np.allclose(vectors(client, [made["tokens"]]), vectors(client, "a cat"), atol=1e-5)


def test_documents_are_ranked_by_likeness(client: openai.OpenAI) -> None:
    documents = ["Bananas are yellow.", "Paris is the capital of France.", "It rained."]
    body = {"model": TEXTS, "query": QUESTION, "documents": documents, "top_n": 2, "return_documents": True}
    ranked: Any = client.post("rerank", body=body, cast_to=object)
    best = ranked["results"][0]
    query, answer = vectors(client, [QUESTION, documents[1]])
    assert (best["index"], best["document"]["text"], ranked["method"]) == (1, documents[1], "cosine")
    assert best["relevance_score"] == pytest.approx(query @ answer, abs=1e-4)
    assert len(ranked["results"]) == 2


def test_models_are_listed_and_got(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {CHAT, TEXTS}
    assert client.models.retrieve(CHAT).id == CHAT
