"""POST /v1/chat/completions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.deltas import by_choice
from headrace.errors import HeadraceError
from headrace.generation import Delta, Generated, TokenLogprob, ToolCall
from headrace.protocols.generation import generate_all, make_request, stream_all
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.chat_request import ChatBody, chat_ask, echoed, read_chat
from headrace.protocols.openai.errors import error_body
from headrace.protocols.openai.logprob_lists import array_json
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
from headrace.protocols.openai.reasoning import reasoning_json
from headrace.protocols.openai.whole_answer import around_choices, whole_answer
from headrace.protocols.sse import DONE, Streamed, event


class ChatOptions(msgspec.Struct, frozen=True):
    """How the answer is written."""

    echoed: str = ""
    as_token_ids: bool = False  # tokens in logprobs are written as their ids
    token_ids: bool = False  # vLLM's return_token_ids
    reasoning: bool = True  # whether thoughts are told
    usage: UsageOptions = UsageOptions(False, False)

    @classmethod
    def of(cls, body: ChatBody) -> "ChatOptions":
        as_ids, token_ids = bool(body.return_tokens_as_token_ids), bool(body.return_token_ids)
        return cls(echoed(body), as_ids, token_ids, body.include_reasoning is not False, UsageOptions.of(body))


async def chat(front: Front, request: Request, now_s: float) -> Response:
    """Answer whole, or as chunks in server-sent events."""
    body = await read_chat.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, body.model, "generate")
    ask, options = chat_ask(body, facts), ChatOptions.of(body)
    id_ = new_id("chatcmpl", body.request_id)
    kind = "chat.completion.chunk" if ask.stream else "chat.completion"
    head = Head(id_, kind, int(now_s), body.model or ref.name, f"headrace-{front.server_version}")
    asked = make_request(front, request, id_, ref, ask, body.priority)
    if ask.stream:
        return Streamed(stream_all(front, [asked], ChatWriter(head, options)))
    (generated,), spent = await generate_all(front, [asked], request.receive)
    return await whole_answer(front, partial(chat_pieces, head, generated, options), [generated], spent)


def chat_pieces(head: Head, generated: Generated, options: ChatOptions, rest: Callable[[], None]) -> list[bytes]:
    """The whole answer as JSON."""
    choices = []
    for delta in by_choice(generated.deltas):
        choices.append([msgspec.json.encode(_choice_json(delta, options, rest))])
        rest()
    end: dict[str, Any] = {"usage": usage_json([generated.usage]), "service_tier": "default"}
    if generated.prompt_logprobs:
        end["prompt_logprobs"] = msgspec.Raw(array_json(prompt_logprobs_json, generated.prompt_logprobs, rest))
    if options.token_ids:
        end["prompt_token_ids"] = generated.prompt_token_ids
    return around_choices(head, choices, end)


def _choice_json(delta: Delta, options: ChatOptions, rest: Callable[[], None]) -> dict[str, Any]:
    content: str | None = options.echoed + delta.text
    calls = [_call_json(call) for call in delta.tool_calls]
    message: dict[str, Any] = {"role": "assistant", "content": content or None if calls else content, "refusal": None}
    if options.reasoning:
        message |= reasoning_json(delta)
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": delta.index,
        "message": message,
        "logprobs": None,
        "finish_reason": delta.finish,
        "stop_reason": delta.stopped_by,
    }
    if delta.logprobs:
        said = array_json(lambda tokens: logprobs_json(tokens, options.as_token_ids), delta.logprobs, rest)
        choice["logprobs"] = {"content": msgspec.Raw(said), "refusal": None}
    if options.token_ids:
        choice["token_ids"] = delta.token_ids
    return choice


def _call_json(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def logprobs_json(tokens: Sequence[TokenLogprob], as_ids: bool) -> list[dict[str, Any]]:
    """OpenAI's form of the chat: each token with its bytes and its alternatives."""
    return [
        _token_json(token, as_ids) | {"top_logprobs": [_token_json(each, as_ids) for each in token.top]}
        for token in tokens
    ]


def _token_json(token: TokenLogprob, as_ids: bool) -> dict[str, Any]:
    return {"token": token_text(token, as_ids), "logprob": finite(token.logprob), "bytes": list(token.bytes)}


class ChatWriter:
    """A streamed answer as chunks: the role, the text and the calls, the reason of the end, the usage."""

    def __init__(self, head: Head, options: ChatOptions) -> None:
        self._head = msgspec.structs.asdict(head)
        self._options = options
        self._texts: dict[int, Around] = {}  # of the choices that have begun
        self._last: Generated | None = None
        self._plain = not (options.usage.continuous or options.token_ids)

    def news(self, which: int, generated: Generated) -> bytes:
        first, self._last = self._last is None, generated
        if len(generated.deltas) == 1 and self._plain:  # by far the most frequent
            delta = generated.deltas[0]
            around = self._texts.get(delta.index)
            if around is not None and not (delta.logprobs or delta.tool_calls or delta.finish or delta.reasoning):
                return around.event(delta.text) if delta.text else b""
        return b"".join(part for delta in generated.deltas for part in self._events(delta, generated, first))

    def failed(self, error: HeadraceError) -> bytes:
        return event(error_body(error))

    def end(self) -> bytes:
        if not self._options.usage.final or self._last is None:
            return DONE
        usage = usage_json([self._last.usage])
        return event(self._head | {"choices": [], "usage": usage}) + DONE

    def _events(self, delta: Delta, generated: Generated, first: bool) -> list[bytes]:
        """Of one choice. The first has the role, the last the reason of the end, each in a chunk of its own."""
        events = []
        if delta.index not in self._texts:
            self._texts[delta.index] = Around(lambda text: self._chunk(delta.index, {"content": text}))
            opening = self._chunk(delta.index, {"role": "assistant", "content": self._options.echoed, "refusal": None})
            if self._options.token_ids and first:
                opening["prompt_token_ids"] = generated.prompt_token_ids
            events.append(self._event(opening, generated))
        piece: dict[str, Any] = reasoning_json(delta) if self._options.reasoning else {}
        if delta.text:
            piece["content"] = delta.text
        if delta.tool_calls:
            piece["tool_calls"] = [_call_piece(call) for call in delta.tool_calls]
        if piece or delta.logprobs or (self._options.token_ids and delta.token_ids):
            piece = piece or {"content": ""}
            chunk = self._chunk(delta.index, piece, delta)
            events.append(self._event(chunk, generated))
        if delta.finish:
            chunk = self._chunk(delta.index, {})
            chunk["choices"][0] |= {"finish_reason": delta.finish, "stop_reason": delta.stopped_by}
            events.append(self._event(chunk, generated))
        return events

    def _chunk(self, index: int, piece: dict[str, Any], delta: Delta | None = None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": index, "delta": piece, "logprobs": None, "finish_reason": None}
        if delta is not None and delta.logprobs:
            content = logprobs_json(delta.logprobs, self._options.as_token_ids)
            choice["logprobs"] = {"content": content, "refusal": None}
        if delta is not None and self._options.token_ids:
            choice["token_ids"] = delta.token_ids
        chunk = self._head | {"choices": [choice]}
        return chunk | {"usage": None} if self._options.usage.final else chunk

    def _event(self, chunk: dict[str, Any], generated: Generated) -> bytes:
        if self._options.usage.continuous:
            chunk["usage"] = usage_json([generated.usage])
        return event(chunk)


def _call_piece(call: ToolCall) -> dict[str, Any]:
    """The first piece of a call has its id and name, later ones only more of its arguments."""
    if call.id or call.name:
        return {"index": call.index} | _call_json(call)
    return {"index": call.index, "function": {"arguments": call.arguments}}
