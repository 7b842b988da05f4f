"""POST /v1/completions."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import HeadraceError
from headrace.generation import Delta, Generated, Usage
from headrace.protocols.generation import generate_all, make_request, stream_all
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.completion_request import CompletionBody, completion_asks, read_completion
from headrace.protocols.openai.errors import error_body
from headrace.protocols.openai.logprob_lists import LogprobLists, array_json, completion_logprobs, lists_json
from headrace.protocols.openai.pieces import Around, Head, UsageOptions, new_id, prompt_logprobs_json, usage_json
from headrace.protocols.openai.whole_answer import around_choices, whole_answer
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
    ref, facts = await find_model(front, request, body.model, "generate")
    asks, options = completion_asks(body, facts), CompletionOptions.of(body)
    id_ = new_id("cmpl", body.request_id)
    head = Head(id_, "text_completion", int(now_s), body.model or ref.name, f"headrace-{front.server_version}")
    asked = [make_request(front, request, id_, ref, ask, body.priority) for ask in asks]
    if body.stream:
        return Streamed(stream_all(front, asked, CompletionWriter(head, options)))
    generated, spent = await generate_all(front, asked, request.receive)
    return await whole_answer(front, partial(completion_pieces, head, generated, options), generated, spent)


def completion_pieces(
    head: Head, generated: Sequence[Generated], options: CompletionOptions, rest: Callable[[], None]
) -> list[bytes]:
    """The whole answer as JSON: the choices of the first prompt, those of the second, and so on."""
    choices = _choices(generated, options, rest)
    return around_choices(head, choices, {"usage": usage_json([each.usage for each in generated])})


def _choices(
    generated: Sequence[Generated], options: CompletionOptions, rest: Callable[[], None]
) -> Iterator[list[bytes]]:
    for which, each in enumerate(generated):
        prompt = _PromptJson.of(each, options, rest)
        for delta in sorted(each.deltas, key=lambda delta: delta.index):
            yield _choice_pieces(which * options.n + delta.index, delta, prompt, options, rest)
            rest()


class _PromptJson(msgspec.Struct, frozen=True):
    """What each choice of a prompt says of it: written once."""

    lists: LogprobLists | None  # of its log-probabilities, where it is echoed
    offset: int  # at which the choice's own text begins
    fields: bytes  # those that stand behind the choice's own

    @classmethod
    def of(cls, generated: Generated, options: CompletionOptions, rest: Callable[[], None]) -> "_PromptJson":
        offsets, lists, fields = TextOffsets(), None, b""
        if options.logprobs and options.echo:
            lists = LogprobLists.of(generated.prompt_logprobs, options.as_token_ids, offsets, rest)
        if options.prompt_logprobs:
            fields += b',"prompt_logprobs":' + array_json(prompt_logprobs_json, generated.prompt_logprobs, rest)
        if options.token_ids:
            fields += b',"prompt_token_ids":' + msgspec.json.encode(generated.prompt_token_ids)
        return cls(lists, offsets.after, fields)


def _choice_pieces(
    index: int, delta: Delta, prompt: _PromptJson, options: CompletionOptions, rest: Callable[[], None]
) -> list[bytes]:
    begin = msgspec.json.encode({"index": index, "text": delta.text})[:-1]
    end: dict[str, Any] = {"finish_reason": delta.finish, "stop_reason": delta.stopped_by}
    logprobs = [b"null"]
    if options.logprobs:
        own = LogprobLists.of(delta.logprobs, options.as_token_ids, TextOffsets(prompt.offset), rest)
        logprobs = lists_json([own] if prompt.lists is None else [prompt.lists, own])
    if options.token_ids:
        end["token_ids"] = delta.token_ids
    return [begin, b',"logprobs":', *logprobs, b",", msgspec.json.encode(end)[1:-1], prompt.fields, b"}"]


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
        as_ids = self._options.as_token_ids
        if begun or not (self._options.echo and generated.prompt_logprobs):
            return completion_logprobs(delta.logprobs, as_ids, self._offsets.setdefault(index, TextOffsets()))
        offsets = TextOffsets()
        prompt = completion_logprobs(generated.prompt_logprobs, as_ids, offsets)
        own = self._offsets[index] = TextOffsets(offsets.after)
        return {name: [*prompt[name], *said] for name, said in completion_logprobs(delta.logprobs, as_ids, own).items()}

    def _around(self, index: int) -> Around:
        around = self._texts.get(index)
        if around is None:
            around = self._texts[index] = Around(lambda text: self._chunk(index, text))
        return around

    def _chunk(self, index: int, text: str) -> dict[str, Any]:
        chunk = self._head | {"choices": [{"index": index, "text": text, "logprobs": None, "finish_reason": None}]}
        return chunk | {"usage": None} if self._options.usage.final else chunk
