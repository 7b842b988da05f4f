"""Language models that answer by a script, as fast as the event loop turns or when the test says so."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from headrace.errors import HeadraceError, Internal
from headrace.generation import (
    Delta,
    Detokenize,
    Detokenized,
    Embed,
    Embedded,
    FinishReason,
    Generate,
    Generated,
    GenerationDefaults,
    LanguageFacts,
    Result,
    Score,
    Scored,
    Tokenize,
    Tokenized,
    TokenLogprob,
    ToolCall,
    Usage,
)
from headrace.models.registry import Registry, Served
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, BatchAxis, Manifest, ModelVersion, Request, Response, Signature

WORDS = ("Paris", " is", " the", " capital", " of", " France", ".")
CHAT = LanguageFacts("llama", ("generate",), 2048, 300, 1000, "f32", chat_template=True)
BASE = LanguageFacts("llama", ("generate",), 2048, 300, 1000, "f32", chat_template=False)
THINKER = LanguageFacts("qwen3", ("generate",), 2048, 300, 1000, "f32", chat_template=True, reasoning=True)
RECOMMENDS = GenerationDefaults(0.7, 20, 0.8, 0.05, 1.05, 2048)
ADVISED = LanguageFacts("qwen2", ("generate",), 4096, 300, 1000, "f32", chat_template=True, defaults=RECOMMENDS)
THOUGHTS = ("France", " has", " one.")
EMBEDDER = LanguageFacts("bert", ("embed",), 512, 300, 1000, "f32", chat_template=False, embedding=4, kind="F16")


class ScriptedModel:
    """Continues every prompt with `words`, a word a token; a token of the prompt is a byte of its text.

    One that reasons thinks `THOUGHTS` first, unless it is told not to. A named or required tool is called with
    `{"city": "Paris"}`. With `hold`, `step` gives each request its next answer; otherwise each turn of the event loop
    does.
    """

    def __init__(self, facts: LanguageFacts = CHAT, name: str = "chat", hold: bool = False) -> None:
        self.signature = Signature((), (), BatchAxis(False), "headrace", "scripted 1", facts)
        self.version = ModelVersion(name, 1)
        self.words: tuple[str, ...] = WORDS
        self.hold = hold
        self.fault: HeadraceError | None = None  # comes in the place of an answer
        self.fault_after = 0  # answers before it
        self.requests: list[Request] = []
        self.cancelled: list[str] = []  # ids
        self.arrived = asyncio.Event()  # set by each request and each cancellation; a test clears it
        self._answers: dict[int, Callable[[], bool]] = {}

    def submit(self, request: Request, reply: Reply) -> Cancel:
        key = len(self.requests)
        self.requests.append(request)
        self.arrived.set()
        self._answers[key] = partial(self._answer, self._script(request), reply)
        if not self.hold:
            self._go_on(key)
        return partial(self._cancel, key, request)

    def step(self) -> None:
        """The next answer to each request that is here."""
        for key, answer in list(self._answers.items()):
            if answer():
                self._answers.pop(key, None)

    def backlog(self) -> Backlog:
        return Backlog(0, len(self._answers))

    async def drain(self) -> None: ...

    async def close(self) -> None: ...

    def _go_on(self, key: int) -> None:
        answer = self._answers.get(key)
        if answer is None:
            return
        if answer():
            self._answers.pop(key, None)
        else:
            asyncio.get_running_loop().call_soon(self._go_on, key)

    def _cancel(self, key: int, request: Request) -> None:
        if self._answers.pop(key, None):
            self.cancelled.append(request.id)
            self.arrived.set()

    def _answer(self, script: Iterator[Response | HeadraceError], reply: Reply) -> bool:
        """Whether that was the last."""
        answer = next(script)
        reply(answer)
        return isinstance(answer, HeadraceError) or answer.final

    def _script(self, request: Request) -> Iterator[Response | HeadraceError]:
        results = list(self._results(request))
        for i, result in enumerate(results):
            if self.fault is not None and i >= self.fault_after:
                yield self.fault
            yield Response(self.version, (), None, i == len(results) - 1, result=result)

    def _results(self, request: Request) -> Iterator[Result]:
        match request.ask:
            case Generate() as ask:
                facts = self.signature.language
                thinks = facts is not None and facts.reasoning and ask.prompt.thinking.on is not False
                yield from generate(ask, self.words, THOUGHTS if thinks else ())
            case Tokenize(prompt):
                ids = tokens_of(Generate(prompt))
                yield Tokenized(ids, tuple(chr(each) for each in ids), CHAT.max_context)
            case Detokenize(token_ids):
                yield Detokenized(bytes(token_ids).decode())
            case Embed() as ask:
                size = ask.dimensions or EMBEDDER.embedding
                vectors = np.array([[len(each), *range(1, size)] for each in ask.inputs], "<f4")
                yield Embedded(vectors.tobytes(), size, sum(len(each) for each in ask.inputs))
            case Score(query, texts):
                yield Scored(tuple(float(text.count(query)) for text in texts), len(query), "cosine")
            case _:
                raise Internal("the script has nothing for this")


def tokens_of(ask: Generate) -> tuple[int, ...]:
    """The prompt's tokens: the bytes of its text, or of its messages' contents."""
    prompt = ask.prompt
    if prompt.token_ids is not None:
        return prompt.token_ids
    text = prompt.text if prompt.text is not None else "".join(each["content"] for each in prompt.messages or ())
    return tuple(text.encode())


def generate(ask: Generate, words: tuple[str, ...], thoughts: tuple[str, ...] = ()) -> Iterator[Generated]:
    """The answers to an ask: one a token, or one in all."""
    prompt = tokens_of(ask)
    most = len(words) if ask.sampling.max_tokens is None else min(len(words), ask.sampling.max_tokens)
    steps = [_step(ask, words, i, i >= most - 1, most) for i in range(max(1, most))]
    if ask.prompt.tool_choice.kind in ("required", "named"):
        steps = list(_call_steps(ask))
    if ask.echo:
        text = bytes(prompt).decode()
        steps[0] = tuple(
            Delta(d.index, text + d.text, d.token_ids, d.logprobs, d.tool_calls, d.finish, d.stopped_by)
            for d in steps[0]
        )
    if thoughts:
        steps = [tuple(Delta(d.index, reasoning=thought) for d in steps[0]) for thought in thoughts] + steps
    if not ask.stream:
        steps = [tuple(_joined([step[index] for step in steps]) for index in range(ask.n))]
    logprobs = ask.sampling.prompt_logprobs
    told = (
        () if logprobs is None else tuple(_logprob(chr(each), each, logprobs, i > 0) for i, each in enumerate(prompt))
    )
    for i, deltas in enumerate(steps):
        usage = Usage(len(prompt), most * ask.n if i == len(steps) - 1 else (i + 1) * ask.n, 0, len(thoughts) * ask.n)
        yield Generated(deltas, usage, told if i == 0 else (), prompt if i == 0 else ())


def _step(ask: Generate, words: tuple[str, ...], i: int, last: bool, most: int) -> tuple[Delta, ...]:
    text = words[i] if most else ""
    finish: FinishReason | None = None
    if last:
        finish = "stop" if most == len(words) else "length"
    logprobs = () if ask.sampling.logprobs is None else (_logprob(text, i, ask.sampling.logprobs),)
    return tuple(Delta(index, text, (i,), logprobs, (), finish) for index in range(ask.n))


def _call_steps(ask: Generate) -> Iterator[tuple[Delta, ...]]:
    name = ask.prompt.tool_choice.name or ask.prompt.tools[0]["function"]["name"]
    yield tuple(Delta(i, tool_calls=(ToolCall(0, "", f"call_{i}", name),)) for i in range(ask.n))
    for piece in ('{"city": ', '"Paris"}'):
        yield tuple(Delta(i, tool_calls=(ToolCall(0, piece),)) for i in range(ask.n))
    yield tuple(Delta(i, finish="tool_calls") for i in range(ask.n))


def _joined(deltas: list[Delta]) -> Delta:
    last = deltas[-1]
    calls = [call for delta in deltas for call in delta.tool_calls]
    whole = (ToolCall(0, "".join(call.arguments for call in calls), calls[0].id, calls[0].name),) if calls else ()
    return Delta(
        last.index,
        "".join(delta.text for delta in deltas),
        tuple(token for delta in deltas for token in delta.token_ids),
        tuple(each for delta in deltas for each in delta.logprobs),
        whole,
        last.finish,
        last.stopped_by,
        "".join(delta.reasoning for delta in deltas),
    )


def _logprob(text: str, token_id: int, top: int, known: bool = True) -> TokenLogprob:
    others = tuple(TokenLogprob(i, f"t{i}", b"t%d" % i, -1.0 - i) for i in range(top))
    return TokenLogprob(token_id, text, text.encode(), -0.5 if known else None, others, 1)


def publish(registry: Registry, *models: ScriptedModel) -> None:
    """From now on they can be asked."""
    for model in models:
        manifest = Manifest(model.version.name, 1, Path(), "scripted")
        registry.publish(Served(model.version, manifest, model))
