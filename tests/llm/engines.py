"""Engines on fake models for tests, and what they answer gathered by request."""

from collections import defaultdict
from typing import Any

import numpy as np

from headrace.generation import Delta, Generate, Generated, LanguageFacts, Prompt, Sampling
from headrace.llm.engine import DecoderEngine, Settings
from headrace.llm.engine_protocol import Answered, Engine
from headrace.llm.preparing import Preparing
from headrace.llm.prompt import PromptReader
from headrace.llm.step_plan import Budget
from headrace.llm.terms import UNSAID, Terms
from headrace.llm.tokenizer import Tokenizer, load
from headrace.weights.checkpoint import Templates, TokenizerSource
from tests.fakes_language import FakeLanguage
from tests.llm.tokenizing import byte_level_fields

EOS = 2
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


def tokenizer() -> Tokenizer:
    return load(TokenizerSource(fields=byte_level_fields()))


def preparing(vocabulary: int, max_context: int = 4096) -> Preparing:
    made = tokenizer()
    return Preparing(made, PromptReader(made, vocabulary, Templates(TEMPLATE), 1, EOS), vocabulary, max_context, (EOS,))


class Bench:
    """A decoder's engine on a FakeLanguage whose tokens are those of a small real tokenizer."""

    def __init__(
        self,
        num_blocks: int = 64,
        period: int = 0,
        glitch: int = 0,
        max_context: int = 512,
        budget: Budget | None = None,
        reads: Preparing | None = None,
        **settings: Any,
    ) -> None:
        self.tokenizer = reads.tokenizer if reads is not None else tokenizer()
        self.vocabulary = self.tokenizer.vocabulary
        self.model = FakeLanguage(self.vocabulary, max_context, 8, period, glitch)
        self.model.allocate(num_blocks)
        facts = LanguageFacts("fake", ("generate",), max_context, self.vocabulary, 0, "none", True, num_blocks - 1, 8)
        self.seeds = iter(range(1000))
        self.now_ns = 0
        self.engine = DecoderEngine(
            self.model,
            reads or preparing(self.vocabulary, max_context),
            facts,
            Settings(num_blocks, **settings),
            now_ns=self._now_ns,
            random=lambda: next(self.seeds),
            budget=budget,
        )
        self.answers: dict[int, list[Answered]] = defaultdict(list)

    def add(self, number: int, ask: Any, terms: Terms = UNSAID) -> None:
        self.engine.add(number, ask, terms)

    def step(self) -> None:
        for answer in self.engine.step():
            self.answers[answer.number].append(answer)

    def run(self) -> None:
        run(self.engine, self.answers)

    def deltas(self, number: int) -> list[Delta]:
        return [delta for each in self.generated(number) for delta in each.deltas]

    def generated(self, number: int) -> list[Generated]:
        found = [answer.result for answer in self.answers[number]]
        assert all(isinstance(each, Generated) for each in found), self.answers[number]
        return found  # type: ignore[return-value]

    def ids(self, number: int, index: int = 0) -> list[int]:
        return [token_id for delta in self.deltas(number) if delta.index == index for token_id in delta.token_ids]

    def text(self, number: int, index: int = 0) -> str:
        return "".join(delta.text for delta in self.deltas(number) if delta.index == index)

    def alone(self, prompt: list[int], count: int) -> list[int]:
        """What a request alone is answered, greedily."""
        return self.model.greedy(prompt, count)

    def _now_ns(self) -> int:
        self.now_ns += 100_000
        return self.now_ns


def run(engine: Engine, answers: dict[int, list[Answered]], most_steps: int = 2_000_000) -> None:
    """Until nothing is left to do, what is read aside included."""
    for _ in range(most_steps):
        for answer in engine.step():
            answers[answer.number].append(answer)
        if not engine.busy and not engine.counts().waiting:
            return
    raise AssertionError("it never ends")


def greedy(prompt: list[int], max_tokens: int = 12, **more: Any) -> Generate:
    """Greedy, whatever comes, told as it comes."""
    sampling = {"temperature": 0.0, "ignore_eos": True, "skip_special_tokens": False} | more.pop("sampling", {})
    return Generate(
        Prompt(token_ids=tuple(prompt)), Sampling(max_tokens=max_tokens, **sampling), **{"stream": True} | more
    )


def prompt(seed: int, count: int, vocabulary: int = 300) -> list[int]:
    """Tokens that look random, none of them special."""
    ids: list[int] = np.random.default_rng(seed).integers(3, vocabulary, count).tolist()
    return ids
