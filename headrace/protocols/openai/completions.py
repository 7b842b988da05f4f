"""POST /v1/completions."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import HeadraceError
from headrace.generation import Delta, Generated, TokenLogprob, Usage
from headrace.protocols.generation import generate_all, make_request, stream_all
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.completion_request import CompletionBody, completion_asks, read_completion
from headrace.protocols.openai.errors import error_body
from headrace.protocols.openai.pieces import (
    Around,
    Head,
    UsageOptions,
    finite,
    new_id,
    prompt_logprobs_json,
    token_text,
    usage_json,
)
from headrace.protocols.sse import DONE, Streamed, event
from headrace.text_offsets import TextOffsets


class CompletionOptions(msgspec.Struct, frozen=True):
    """How the answer is written."""

    n: int = 1  # choices of each prompt
    echo: bool = False
    logprobs: bool = False
    prompt_logprobs: bool = False  # vLLM's field asked for them
    as_token_ids: bool = False
    token_ids: bool = False
    usage: UsageOptions = UsageOptions(False, False)

    @classmethod
    def of(cls, body: CompletionBody) -> "CompletionOptions":
        return cls(
            1 if body.n is None else body.n,
            bool(body.echo),
            body.logprobs is not None,
            body.prompt_logprobs is not None,
            bool(body.return_tokens_as_token_ids),
            bool(body.return_token_ids),
            UsageOptions.of(body),
        )


async def completions(front: Front, request: Request, now_s: float) -> Response:
    """Answer whole, or as chunks in server-sent events; several prompts are several requests to the model."""
    body = await read_completion.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, body.model, "generate")
    asks, options = completion_asks(body, facts), CompletionOptions.of(body)
    id_ = new_id("cmpl", body.request_id)
    head = Head(id_, "text_completion", int(now_s), body.model or ref.name, f"headrace-{front.server_version}")
    asked = [make_request(front, request, id_, ref, ask, body.priority) for ask in asks]
    if body.stream:
        return Streamed(stream_all(front, asked, CompletionWriter(head, options)))
    generated, spent = await generate_all(front, asked, request.receive)
    return json_response(completion_json(head, generated, options), headers=spent)


def completion_json(head: Head, generated: Sequence[Generated], options: CompletionOptions) -> dict[str, Any]:
    """The whole answer: the choices of the first prompt, those of the second, and so on."""
    choices = [
        _choice_json(which * options.n + delta.index, delta, each, options)
        for which, each in enumerate(generated)
        for delta in sorted(each.deltas, key=lambda delta: delta.index)
    ]
    return msgspec.structs.asdict(head) | {"choices": choices, "usage": usage_json([each.usage for each in generated])}


def _choice_json(index: int, delta: Delta, generated: Generated, options: CompletionOptions) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "index": index,
        "text": delta.text,
        "logprobs": None,
        "finish_reason": delta.finish,
        "stop_reason": delta.stopped_by,
    }
    if options.logprobs:
        tokens = (*generated.prompt_logprobs, *delta.logprobs) if options.echo else delta.logprobs
        choice["logprobs"] = completion_logprobs(tokens, options.as_token_ids, TextOffsets())
    if options.prompt_logprobs:
        choice["prompt_logprobs"] = prompt_logprobs_json(generated.prompt_logprobs)
    if options.token_ids:
        choice |= {"prompt_token_ids": generated.prompt_token_ids, "token_ids": delta.token_ids}
    return choice


def completion_logprobs(tokens: Sequence[TokenLogprob], as_ids: bool, offsets: TextOffsets) -> dict[str, Any]:
    """OpenAI's form of completions: four lists. A token is among its own alternatives, likely or not."""
    return {
        "tokens": [token_text(token, as_ids) for token in tokens],
        "token_logprobs": [finite(token.logprob) for token in tokens],
        "top_logprobs": [
            {token_text(each, as_ids): finite(each.logprob) for each in (*token.top, token)}
            if token.logprob is not None
            else None
            for token in tokens
        ],
        "text_offset": [offsets.next(token.bytes[token.hidden :]) for token in tokens],
    }


class CompletionWriter:
    """A streamed answer as chunks of text."""

    def __init__(self, head: Head, options: CompletionOptions) -> None:
        self._head = msgspec.structs.asdict(head)
        self._options = options
        self._texts: dict[int, Around] = {}  # of the choices that have begun
        self._offsets: dict[int, TextOffsets] = {}  # of the choices that have begun
        self._usages: dict[int, Usage] = {}  # of each prompt's request so far
        self._plain = not (options.usage.continuous or options.token_ids or options.logprobs)

    def news(self, which: int, generated: Generated) -> bytes:
        self._usages[which] = generated.usage
        base = which * self._options.n
        return b"".join(self._event(base + delta.index, delta, generated) for delta in generated.deltas)

    def failed(self, error: HeadraceError) -> bytes:
        return event(error_body(error))

    def end(self) -> bytes:
        if not self._options.usage.final:
            return DONE
        usage = usage_json(list(self._usages.values()))
        return event(self._head | {"choices": [], "usage": usage}) + DONE

    def _event(self, index: int, delta: Delta, generated: Generated) -> bytes:
        if self._plain and not delta.finish:
            return self._around(index).event(delta.text) if delta.text else b""
        if not (delta.text or delta.finish or delta.token_ids or delta.logprobs):
            return b""
        chunk = self._chunk(index, delta.text)
        choice = chunk["choices"][0]
        choice |= {"finish_reason": delta.finish, "stop_reason": delta.stopped_by}
        if self._options.logprobs:
            choice["logprobs"] = self._logprobs(index, delta, generated)
        if self._options.token_ids:
            choice["token_ids"] = delta.token_ids
            if generated.prompt_token_ids:
                choice["prompt_token_ids"] = generated.prompt_token_ids
        if self._options.usage.continuous:
            chunk["usage"] = usage_json([generated.usage])
        return event(chunk)

    def _logprobs(self, index: int, delta: Delta, generated: Generated) -> dict[str, Any]:
        """With echo the first chunk of a choice has the prompt's, as its text has the prompt's."""
        begun = index in self._offsets
        tokens = (*generated.prompt_logprobs, *delta.logprobs) if self._options.echo and not begun else delta.logprobs
        return completion_logprobs(tokens, self._options.as_token_ids, self._offsets.setdefault(index, TextOffsets()))

    def _around(self, index: int) -> Around:
        around = self._texts.get(index)
        if around is None:
            around = self._texts[index] = Around(lambda text: self._chunk(index, text))
        return around

    def _chunk(self, index: int, text: str) -> dict[str, Any]:
        chunk = self._head | {"choices": [{"index": index, "text": text, "logprobs": None, "finish_reason": None}]}
        return chunk | {"usage": None} if self._options.usage.final else chunk
