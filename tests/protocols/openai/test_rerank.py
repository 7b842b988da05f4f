"""Texts ordered by how well they answer a query."""

from typing import Any

import pytest

from headrace.generation import Score
from headrace.types import USUAL_LEVEL
from tests.protocols.openai.server import openai_server

TEXTS = ["none", "cat cat", "cat"]


async def test_the_best_come_first_and_the_method_is_said() -> None:
    async with openai_server() as server:
        answer = await server.ask(
            "POST", "/v1/rerank", {"model": "embedder", "query": "cat", "documents": TEXTS, "top_n": 2}
        )
    assert answer.json["results"] == [
        {"index": 1, "relevance_score": 2.0, "document": {"text": "cat cat"}},
        {"index": 2, "relevance_score": 1.0, "document": {"text": "cat"}},
    ]
    assert (answer.json["model"], answer.json["method"]) == ("embedder", "cosine")
    assert answer.json["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


async def test_coheres_second_version_shows_no_documents() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/v2/rerank", {"query": "cat", "documents": [{"text": "cat"}]})
    assert answer.json["results"] == [{"index": 0, "relevance_score": 1.0}]


async def test_documents_are_cut_as_cohere_cuts_them() -> None:
    """LangChain's CohereRerank sends the field always."""
    async with openai_server() as server:
        for limit in (None, 4096):
            body = {"query": "cat", "documents": ["cat"], "max_tokens_per_doc": limit}
            assert (await server.ask("POST", "/v2/rerank", body)).status == 200
            assert server.embedder.requests[-1].ask == Score("cat", ("cat",), max_text_tokens=limit)


@pytest.mark.parametrize(("priority", "level"), [(None, 0), (0, 0), (1, USUAL_LEVEL + 1), (999, USUAL_LEVEL + 999)])
async def test_cohere_has_lower_priorities_come_later(priority: int | None, level: int) -> None:
    async with openai_server() as server:
        await server.ask("POST", "/v2/rerank", {"query": "cat", "documents": ["cat"], "priority": priority})
        assert server.embedder.requests[0].context.priority == level


@pytest.mark.parametrize(
    "fields",
    [
        {"rank_fields": None, "max_chunks_per_doc": None, "return_embeddings": None},
        {"rank_fields": ["text"], "max_chunks_per_doc": 1, "return_embeddings": False},
        {"truncate_prompt_tokens": -1},
        {"activation": True, "use_activation": True, "softmax": True, "mm_processor_kwargs": {}},
    ],
)
async def test_what_changes_nothing_is_taken(fields: dict[str, Any]) -> None:
    async with openai_server() as server:
        assert (await server.ask("POST", "/v1/rerank", {"query": "cat", "documents": ["cat"]} | fields)).status == 200


async def test_texts_are_answered_as_text_embeddings_inference_does() -> None:
    async with openai_server() as server:
        body = {
            "query": "cat",
            "texts": TEXTS[1:],
            "return_text": True,
            "truncate": False,
            "truncation_direction": "Right",
        }
        answer = await server.ask("POST", "/rerank", body)
        assert server.embedder.requests[0].ask == Score("cat", ("cat cat", "cat"), truncate=False, where="texts")
        first = await server.ask("POST", "/rerank", {"query": "cat", "texts": TEXTS[1:], "top_n": 1})
    assert answer.json == [{"index": 0, "score": 2.0, "text": "cat cat"}, {"index": 1, "score": 1.0, "text": "cat"}]
    assert first.json == [{"index": 0, "score": 2.0}]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": ["a"], "texts": ["a"]}, "texts"),
        ({"documents": ["a"] * 1001}, "documents"),
        ({"documents": ["a"], "top_n": 0}, "top_n"),
        ({"documents": ["a"], "return_text": True}, "return_text"),
        ({"texts": ["a"], "return_documents": True}, "return_documents"),
        ({"texts": ["a"], "raw_scores": True}, "raw_scores"),
        ({"texts": ["a"], "truncation_direction": "Left"}, "truncation_direction"),
        ({"documents": ["a"], "truncation_direction": "Right"}, "truncation_direction"),
        ({"documents": ["a"], "max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ({"documents": ["a"], "max_chunks_per_doc": 10}, "max_chunks_per_doc"),
        ({"documents": ["a"], "rank_fields": ["title", "text"]}, "rank_fields"),
        ({"documents": ["a"], "return_embeddings": True}, "return_embeddings"),
        ({"documents": ["a"], "priority": 1000}, "priority"),
        ({"documents": ["a"], "truncate_prompt_tokens": 9}, "truncate_prompt_tokens"),
        ({"documents": ["a"], "activation": False}, "activation"),
        ({"documents": ["a"], "use_activation": False}, "use_activation"),
        ({"documents": ["a"], "softmax": False}, "softmax"),
        ({"documents": ["a"], "mm_processor_kwargs": {"a": 1}}, "mm_processor_kwargs"),
        ({"texts": ["a"], "truncate_prompt_tokens": -1}, "truncate_prompt_tokens"),
        ({"texts": ["a"], "max_tokens_per_doc": 9}, "max_tokens_per_doc"),
        ({"documents": [{"texts": "a"}]}, "documents[0].texts"),
        ({"documents": ["a"], "model": "chat"}, "model"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/rerank", {"query": "cat"} | fields)
    assert (answer.status, answer.json["error"]["param"]) == (400, where)
