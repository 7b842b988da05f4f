"""An engine without weights, whose pace and failures a small TOML file chooses: for tests of all that is around one."""

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal
from zlib import crc32

import msgspec
import numpy as np

from headrace.deltas import by_choice
from headrace.errors import HeadraceError, InvalidRequest, ModelInvalid, Unsupported, WouldBeLate
from headrace.generation import (
    Ask,
    Delta,
    Detokenize,
    Detokenized,
    Embed,
    Embedded,
    Generate,
    Generated,
    LanguageFacts,
    Result,
    Score,
    Scored,
    StepFacts,
    Times,
    Tokenize,
    Tokenized,
    Usage,
)
from headrace.llm.engine_protocol import Answered, EngineLoading, Told, fault_of
from headrace.llm.fake_text import EOS, Writing, decoded, encoded, logprob, text_of
from headrace.llm.terms import UNSAID, Terms
from headrace.settings import Llm
from headrace.types import Manifest

BLOCK = 16  # tokens
DIMENSIONS = 8


class FakeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `model.fakellm` says. A prompt triggers a failure where it holds the text."""

    tasks: tuple[Literal["generate", "embed", "score"], ...] = ("generate", "embed", "score")
    max_context: int = 4096
    delay_ms: float = 0.0  # of a step
    chat_template: bool = True
    thinks: Annotated[str, msgspec.Meta(pattern="^[ -~]*$")] = ""  # before it answers a conversation; ASCII
    refuse_on: str | None = None
    late_on: str | None = None  # as if its first token could not be in time
    never_on: str | None = None  # as if it never could
    crash_on: str | None = None  # the process ends, in the step after it came
    hang_on: str | None = None  # that step never ends


def load(asked: EngineLoading) -> "FakeEngine":
    """Read the manifest's file. Raises ModelInvalid with the field at fault."""
    return FakeEngine(_read(asked.manifest), asked.llm)


def _read(manifest: Manifest) -> FakeFile:
    try:
        return msgspec.toml.decode(manifest.path.read_bytes(), type=FakeFile)
    except (OSError, ValueError) as error:
        raise ModelInvalid(str(error), manifest.path.name) from error


class _Work(msgspec.Struct):
    """A generation under way."""

    ask: Generate
    prompt: tuple[int, ...]
    writings: list[Writing]
    deltas: list[Delta]  # kept for the last answer, where it does not stream
    arrived_ns: int
    begun: bool = False
    times: Times = Times()
    wrote_ns: int = 0  # when it last had a token

    def begin(self) -> None:
        """It runs: each of its choices gets a first token now."""
        self.begun = True
        since_ns = max(1, time.monotonic_ns() - self.arrived_ns)
        self.times = Times(since_ns, since_ns)

    def resume(self, told: Sequence[Told]) -> None:
        """Another engine has told so much of it: it goes on behind that."""
        self.begun = True
        for writing, each in zip(self.writings, told, strict=True):
            writing.resume(len(each.token_ids))
        self.deltas = [delta for delta in self.deltas if not told[delta.index].token_ids]  # of the prompt's echo

    def usage(self) -> Usage:
        thought = sum(writing.num_thought_tokens for writing in self.writings)
        return Usage(len(self.prompt), sum(writing.num_tokens for writing in self.writings), reasoning_tokens=thought)

    def blocks(self) -> int:
        lengths = (len(self.prompt) + writing.num_tokens for writing in self.writings)
        return sum(-(-length // BLOCK) for length in lengths) if self.begun else 0


class FakeEngine:
    """Waits as long as the file says in each step, and writes a token of each generation that runs."""

    def __init__(self, file: FakeFile, llm: Llm) -> None:
        max_context = min(file.max_context, llm.max_context or file.max_context)
        self.facts = LanguageFacts(
            family="fake",
            tasks=file.tasks,
            max_context=max_context,
            vocabulary=EOS + 1,
            parameters=0,
            precision="none",
            chat_template=file.chat_template,
            num_blocks=llm.max_sequences * -(-max_context // BLOCK),
            block_size=BLOCK,
            embedding=DIMENSIONS,
            source="fake",
            reasoning=bool(file.thinks),
        )
        self._file = file
        self._max_sequences = llm.max_sequences
        self._works: dict[int, _Work] = {}  # in the order in which they came; the first of them run
        self._answers: list[Answered] = []
        self._ends: Literal["", "crash", "hang"] = ""
        self._since = StepFacts()  # what was done since it was last asked

    @property
    def busy(self) -> bool:
        return bool(self._works or self._answers or self._ends)

    def add(self, number: int, ask: Ask, terms: Terms = UNSAID, told: Sequence[Told] = ()) -> None:
        try:
            result = self._begin(number, ask)
            if told:
                self._works[number].resume(told)
        except HeadraceError as error:
            self._answers.append(Answered(number, True, None, fault_of(error)))
            return
        if result is not None:
            self._answers.append(Answered(number, True, result))

    def abort(self, number: int) -> None:
        work = self._works.pop(number, None)
        self._answers = [answer for answer in self._answers if answer.number != number]
        if work:
            saved = sum(writing.left for writing in work.writings if not writing.finish)
            self._count(aborted=1, saved_tokens=saved)

    def step(self) -> list[Answered]:
        self._end()
        if self._works:
            started = time.monotonic()
            time.sleep(self._file.delay_ms / 1e3)
            ran = list(self._works.items())[: self._max_sequences]
            for number, work in ran:
                self._advance(number, work)
            self._count(seconds=time.monotonic() - started)
            computed = tuple((number, 1) for number, _ in ran)
            self._since = msgspec.structs.replace(self._since, computed=computed, gaps=self._gaps(ran))
        answers, self._answers = self._answers, []
        return answers

    def _gaps(self, ran: Sequence[tuple[int, _Work]]) -> tuple[tuple[int, int], ...]:
        """How long ago those that wrote something did so before."""
        now_ns, gaps = time.monotonic_ns(), Counter[int]()
        for _, work in ran:
            if work.wrote_ns:
                gaps[now_ns - work.wrote_ns] += 1
            work.wrote_ns = now_ns
        return tuple(gaps.items())

    def rest(self) -> bool:
        return False

    def counts(self) -> StepFacts:
        running = min(len(self._works), self._max_sequences)
        used = sum(work.blocks() for work in self._works.values())
        facts = msgspec.structs.replace(
            self._since,
            running=running,
            waiting=len(self._works) - running,
            used_blocks=used,
            num_blocks=self.facts.num_blocks,
        )
        self._since = StepFacts()
        return facts

    def close(self) -> None: ...

    # ---- what is asked

    def _begin(self, number: int, ask: Ask) -> Result | None:
        """Its answer, where that needs no step. Raises what is wrong with it."""
        if isinstance(ask, Generate):
            self._works[number] = self._work(ask)
            return None
        if isinstance(ask, Tokenize):
            tokens = encoded(text_of(ask.prompt))
            return Tokenized(tokens, tuple(decoded((token,)) for token in tokens), self.facts.max_context)
        if isinstance(ask, Detokenize):
            return Detokenized(decoded(ask.token_ids))
        if isinstance(ask, Embed):
            return self._embedded(ask)
        return _scored(ask)

    def _work(self, ask: Generate) -> _Work:
        text = text_of(ask.prompt)
        self._trigger(text, ask.prompt.where)
        if ask.grammar and not ask.prompt.tool_choice.forced:
            raise Unsupported("the engine without weights follows no grammar", ask.grammar.where)
        prompt = encoded(text)
        room = self.facts.max_context - len(prompt)
        if room < 1:
            tokens = f"{len(prompt)} tokens; the context holds {self.facts.max_context}, the answer's included"
            raise InvalidRequest(f"is {tokens}", ask.prompt.where)
        max_tokens = min(room, ask.sampling.max_tokens or room)
        thoughts = self._file.thinks if ask.prompt.messages and ask.prompt.thinking.on is not False else ""
        writings = [Writing(index, bytes(prompt), ask.sampling, max_tokens, thoughts) for index in range(ask.n)]
        echo = [Delta(index, text) for index in range(ask.n)] if ask.echo else []
        return _Work(ask, prompt, writings, echo, time.monotonic_ns())

    def _trigger(self, text: str, where: str) -> None:
        file = self._file
        if file.refuse_on and file.refuse_on in text:
            raise InvalidRequest(f"holds {file.refuse_on!r}, which this model refuses", where)
        if file.late_on and file.late_on in text:
            raise WouldBeLate(
                "its first token would come 81.5 ms after arrival, and has 50.0 ms", "", 0.032, 81.5, 50.0
            )
        if file.never_on and file.never_on in text:
            what = "its first token would come 81.5 ms after arrival, and has 5.0 ms, even alone"
            raise WouldBeLate(what, "", None, 81.5, 5.0)
        if file.crash_on and file.crash_on in text:
            self._ends = "crash"
        if file.hang_on and file.hang_on in text:
            self._ends = "hang"

    def _embedded(self, ask: Embed) -> Embedded:
        """For each input numbers by its checksum, of length 1 where that is asked."""
        texts = [each if isinstance(each, str) else decoded(each) for each in ask.inputs]
        kept = min(ask.dimensions or DIMENSIONS, DIMENSIONS)
        made = np.stack([np.random.default_rng(crc32(text.encode())).normal(size=DIMENSIONS) for text in texts])[
            :, :kept
        ]
        if ask.normalize:
            made /= np.linalg.norm(made, axis=1, keepdims=True)
        return Embedded(made.astype("<f4").tobytes(), kept, sum(len(encoded(text)) for text in texts))

    # ---- a step

    def _end(self) -> None:
        if self._ends == "crash":
            os._exit(70)
        if self._ends == "hang":
            threading.Event().wait()

    def _advance(self, number: int, work: _Work) -> None:
        if first := not work.begun:
            work.begin()
            self._count(prompt_tokens=len(work.prompt))
        for writing in work.writings:
            if not writing.finish:
                writing.write()
                self._count(generated_tokens=1)
                if delta := writing.news():
                    work.deltas.append(delta)
        final = all(writing.finish for writing in work.writings)
        if final or (work.ask.stream and work.deltas):
            self._answers.append(Answered(number, final, self._generated(work, first or not work.ask.stream)))
            work.deltas = []
        if final:
            del self._works[number]

    def _generated(self, work: _Work, first: bool) -> Generated:
        deltas = tuple(work.deltas if work.ask.stream else by_choice(work.deltas))
        top = work.ask.sampling.prompt_logprobs
        if not first:
            return Generated(deltas, work.usage(), times=work.times)
        logprobs = () if top is None else tuple(logprob(token, top) for token in work.prompt)
        return Generated(deltas, work.usage(), logprobs, work.prompt, work.times)

    def _count(self, seconds: float = 0.0, **more: int) -> None:
        counted = {name: getattr(self._since, name) + number for name, number in more.items()}
        self._since = msgspec.structs.replace(self._since, seconds=self._since.seconds + seconds, **counted)


def _scored(ask: Score) -> Scored:
    """The share of the query's words that a text has."""
    words = set(ask.query.split()) or {""}
    scores = tuple(len(words.intersection(text.split())) / len(words) for text in ask.texts)
    return Scored(scores, len(encoded(ask.query)) + sum(len(encoded(text)) for text in ask.texts), "cross-encoder")
