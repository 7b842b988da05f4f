"""POST /rerank, /v1/rerank and /v2/rerank: texts ordered by how well they answer a query.

The forms of Jina and Cohere, and on /rerank that of text-embeddings-inference, which has `texts` for `documents`.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import Score, Scored
from headrace.protocols.generation import answer_all, make_request
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.pieces import new_id
from headrace.protocols.ranges import in_range
from headrace.protocols.strict_body import Body, Reader, refuse_unless_absent
from headrace.types import USUAL_LEVEL

MAX_DOCUMENTS = 1000
MAX_COHERE_PRIORITY = 999

_NOT_OF_TEXTS = (
    "max_tokens_per_doc",
    "priority",
    "max_chunks_per_doc",
    "rank_fields",
    "return_embeddings",
    "truncate_prompt_tokens",
)
"""What text-embeddings-inference has not."""

_RAW = "scores are not offered raw; leave it out"


class Document(Body, frozen=True):
    text: str


class RerankBody(Body, frozen=True, kw_only=True):
    """`documents`, or text-embeddings-inference's `texts`."""

    model: str | None = None
    query: str
    documents: list[str | Document] | None = None
    top_n: int | None = None
    return_documents: bool | None = None
    user: str | None = None
    # Cohere's
    max_tokens_per_doc: int | None = None
    priority: int | None = None
    max_chunks_per_doc: int | None = None
    rank_fields: list[str] | None = None
    # Jina's
    return_embeddings: bool | None = None
    # vLLM's
    truncate_prompt_tokens: int | None = None
    activation: bool | None = None
    softmax: bool | None = None
    use_activation: bool | None = None
    mm_processor_kwargs: dict[str, Any] | None = None
    # text-embeddings-inference's
    texts: list[str] | None = None
    raw_scores: bool | None = None
    return_text: bool | None = None
    truncate: bool | None = None
    truncation_direction: str | None = None

    @property
    def where(self) -> str:
        """The field that the texts came in."""
        return "documents" if self.texts is None else "texts"


read_rerank = Reader(RerankBody)


async def rerank(front: Front, request: Request) -> Response:
    """The best first; `method` says whether a cross-encoder read both texts, or their embeddings were compared."""
    body = await read_rerank.read(request, front.max_body_bytes)
    texts = _texts(body)
    ref, _ = await find_model(front, request, body.model, "score")
    id_ = new_id("rerank")
    ask = Score(
        body.query,
        tuple(texts),
        truncate=body.truncate is not False,
        where=body.where,
        max_text_tokens=body.max_tokens_per_doc,
    )
    asked = make_request(front, request, id_, ref, ask, _level(body.priority))
    (scored,) = await answer_all(front, [asked], request.receive, Scored)
    best = sorted(range(len(texts)), key=lambda i: -scored.scores[i])[: body.top_n]
    if body.texts is not None:
        return json_response([_tei_json(i, scored, texts if body.return_text else None) for i in best])
    shown = body.return_documents if body.return_documents is not None else request.url.path != "/v2/rerank"
    return json_response(
        {
            "id": id_,
            "model": body.model or ref.name,
            "method": scored.method,
            "results": [_result_json(i, scored, texts if shown else None) for i in best],
            "usage": {"prompt_tokens": scored.prompt_tokens, "total_tokens": scored.prompt_tokens},
        },
    )


def _texts(body: RerankBody) -> list[str]:
    where = body.where
    if (body.documents is None) == (body.texts is None):
        raise InvalidRequest("exactly one of documents and texts is given", where)
    if body.texts is None:
        others: dict[str, Any] = {
            "raw_scores": body.raw_scores,
            "return_text": body.return_text,
            "truncation_direction": body.truncation_direction,
        }
    else:
        others = {name: getattr(body, name) for name in ("return_documents", *_NOT_OF_TEXTS)}
    for name, value in others.items():
        if value is not None:
            raise InvalidRequest(f"does not go with {where}", name)
    _check_vllms(body)
    if body.raw_scores:
        raise InvalidRequest(_RAW, "raw_scores")
    if body.truncation_direction not in (None, "Right", "right"):
        raise InvalidRequest("must be Right: a text that is too long loses its end", "truncation_direction")
    in_range(body.top_n, "top_n", 1)
    in_range(body.max_tokens_per_doc, "max_tokens_per_doc", 1)
    if body.max_chunks_per_doc not in (None, 1):
        raise InvalidRequest("must be 1: of a document that is too long its beginning is read", "max_chunks_per_doc")
    if body.rank_fields not in (None, ["text"]):
        raise InvalidRequest('must be ["text"]: a document is a text, and has no other fields', "rank_fields")
    if body.return_embeddings:
        raise InvalidRequest("is not offered; ask /v1/embeddings for them", "return_embeddings")
    given = body.documents if body.texts is None else body.texts
    texts = [each if isinstance(each, str) else each.text for each in given or ()]
    if not 1 <= len(texts) <= MAX_DOCUMENTS:
        raise InvalidRequest(f"must have 1 to {MAX_DOCUMENTS} texts, not {len(texts)}", where)
    return texts


def _check_vllms(body: RerankBody) -> None:
    """Raises InvalidRequest for a field of vLLM's that asks for something else than is done without it."""
    if body.truncate_prompt_tokens not in (None, -1):
        raise InvalidRequest("must be -1: as many as the model reads", "truncate_prompt_tokens")
    refuse_unless_absent(
        {
            "activation": (None if body.activation else body.activation, _RAW),
            "softmax": (None if body.softmax else body.softmax, _RAW),
            "use_activation": (None if body.use_activation else body.use_activation, _RAW),
            "mm_processor_kwargs": (body.mm_processor_kwargs or None, "is not offered; the model takes text only"),
        }
    )


def _level(priority: int | None) -> int | None:
    """The level of a priority as Cohere has it: 0, the default, is its highest, and whatever is lower comes later."""
    given = in_range(priority, "priority", 0, MAX_COHERE_PRIORITY)
    return USUAL_LEVEL + given if given else None


def _result_json(i: int, scored: Scored, texts: list[str] | None) -> dict[str, Any]:
    result: dict[str, Any] = {"index": i, "relevance_score": scored.scores[i]}
    return result if texts is None else result | {"document": {"text": texts[i]}}


def _tei_json(i: int, scored: Scored, texts: list[str] | None) -> dict[str, Any]:
    result: dict[str, Any] = {"index": i, "score": scored.scores[i]}
    return result if texts is None else result | {"text": texts[i]}
