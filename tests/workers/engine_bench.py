"""A language model in a process of its own, and what it told: for tests of what becomes of its requests."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.clock import LoopClock
from headrace.generation import Ask, Generate, Generated, Prompt, Sampling, TokenLogprob, Usage
from headrace.llm.engine_protocol import EngineLoading
from headrace.records import Record, StepRecord, WorkerEvent
from headrace.servable import Answers, answer
from headrace.settings import Llm
from headrace.types import Context, Manifest, ModelRef, Request, Response, Tensor
from headrace.work import Works
from headrace.workers.birth import Spawning
from headrace.workers.engine_remote import Limits, RemoteEngine

GREEDY = Sampling(temperature=0, max_tokens=5, ignore_eos=True)


class Bench:
    """An engine and what it told."""

    def __init__(self, manifest: Manifest, llm: Llm, limits: Limits) -> None:
        self.records: list[Record] = []
        clock = LoopClock(asyncio.get_running_loop())
        loading = EngineLoading(manifest, 1, llm)
        self.works = Works(self.records.append, clock)
        self.engine = RemoteEngine(loading, limits, Spawning(), self.records.append, clock, self.works)

    def told(self) -> list[str]:
        return [record.what for record in self.records if isinstance(record, WorkerEvent)]

    def steps(self) -> list[StepRecord]:
        return [record for record in self.records if isinstance(record, StepRecord)]

    def kill(self) -> None:
        assert self.engine.pid is not None
        os.kill(self.engine.pid, signal.SIGKILL)

    async def stream(self, asked: Generate, kill_after: int = 0) -> "Streamed":
        """A whole stream; the engine is killed after so many answers."""
        streamed, answers = Streamed(asked.n), Answers()
        self.engine.submit(ask(asked), answers)
        count = 0
        async for response in answers:
            assert isinstance(response.result, Generated)
            streamed.hear(response.result)
            count += 1
            if count == kill_after:
                self.kill()
        return streamed

    async def text(self, prompt: str, sampling: Sampling = GREEDY) -> str:
        return text_of(await answer(self.engine, ask(Generate(Prompt(text=prompt), sampling))))


class Streamed:
    """What was told of each choice of a stream."""

    def __init__(self, n: int) -> None:
        self.texts = [""] * n
        self.token_ids: list[tuple[int, ...]] = [()] * n
        self.logprobs: list[tuple[TokenLogprob, ...]] = [()] * n
        self.finishes: list[str | None] = [None] * n
        self.usage: Usage | None = None
        self.first_answers = 0

    def hear(self, result: Generated) -> None:
        self.usage = result.usage
        self.first_answers += bool(result.prompt_token_ids)
        assert result.times.first_token_ns
        for delta in result.deltas:
            assert self.finishes[delta.index] is None, "told after the end"
            self.texts[delta.index] += delta.text
            self.token_ids[delta.index] += delta.token_ids
            self.logprobs[delta.index] += delta.logprobs
            self.finishes[delta.index] = delta.finish


def ask(asked: Ask | None, inputs: Sequence[Tensor] = (), deadline_ns: int | None = None) -> Request:
    return Request("id", ModelRef("m"), tuple(inputs), (), {}, Context(0, "test", deadline_ns), asked)


def text_of(response: Response) -> str:
    assert isinstance(response.result, Generated)
    return "".join(delta.text for delta in response.result.deltas)


@asynccontextmanager
async def bench(
    folder: Path,
    text: str = "",
    llm: Llm | None = None,
    timeout_s: float = 0,
    max_queue: int = 10,
    num_bytes: int = 9999,
) -> AsyncIterator[Bench]:
    path = folder / "model.fakellm"
    path.write_text(text)
    made = Bench(Manifest("m", 1, path, "fakellm"), llm or Llm(), Limits(30, timeout_s, max_queue, num_bytes))
    try:
        await made.engine.start()
        yield made
    finally:
        await made.engine.close()


SLOW = "delay_ms = 20"
