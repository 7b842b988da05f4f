"""Requests that come whether or not the simulated engine keeps up, and what became of each."""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from headrace.errors import WouldBeLate
from headrace.llm.scheduler import Limits
from headrace.llm.sequence import Sequence
from headrace.llm.step_time import StepShape
from headrace.llm.terms import Terms
from tests.fakes_language import FakeLanguage
from tests.llm.simulate import Simulation, cpu_seconds, text


class Arriving(NamedTuple):
    at_s: float
    prompt_tokens: int
    max_tokens: int
    terms: Terms


def arrivals(
    rate: float, seconds: float, terms: Terms, seed: int = 0, max_tokens: int = 64, median: int = 100
) -> Iterator[Arriving]:
    """Poisson, with prompts of log-normal length."""
    rng = random.Random(seed)
    at_s = rng.expovariate(rate)
    while at_s < seconds:
        yield Arriving(at_s, max(4, min(1000, int(rng.lognormvariate(0, 0.8) * median))), max_tokens, terms)
        at_s += rng.expovariate(rate)


class Overload:
    """A simulation, and those that were let in, refused and given up."""

    def __init__(
        self,
        seconds: Callable[[StepShape], float] = cpu_seconds,
        num_blocks: int = 4000,
        max_sequences: int = 64,
        weights: dict[str, float] | None = None,
    ) -> None:
        model = FakeLanguage(vocabulary=50, max_context=4096, block_size=32)
        limits = Limits(4096, max_sequences)
        self.simulation = Simulation(num_blocks, model, limits, seconds=seconds, weights=weights or {})
        self.let_in: list[Sequence] = []
        self.refused: list[tuple[Arriving, WouldBeLate]] = []
        self.given_up: list[Sequence] = []

    def run(self, coming: list[Arriving]) -> None:
        """All of them, in the order of their arrival, until the last has ended."""
        simulation = self.simulation
        coming = sorted(coming, key=lambda arriving: arriving.at_s)
        number = 0
        while number < len(coming) or simulation.scheduler.busy:
            if not simulation.scheduler.busy:
                simulation.now_s = max(simulation.now_s, coming[number].at_s)
            while number < len(coming) and coming[number].at_s <= simulation.now_s:
                self._arrive(number, coming[number])
                number += 1
            for sequence, _ in simulation.scheduler.late(int(simulation.now_s * 1e9)):
                simulation.scheduler.finish(sequence)
                self.given_up.append(sequence)
            if simulation.scheduler.busy:
                simulation.step()
            if not simulation.scheduler.busy:
                simulation.step()  # sees that there is none, as an engine does

    def met(self, sequence: Sequence) -> bool:
        """Whether it had what it was promised."""
        times, terms = self.simulation.token_times[sequence.id], sequence.terms
        if not times:
            return False
        arrived_s = sequence.arrived_ns / 1e9
        first = terms.ttft_ns is None or times[0] - arrived_s <= terms.ttft_ns / 1e9
        return first and (terms.tpot_ns is None or self.pace_s(sequence) <= terms.tpot_ns / 1e9)

    def pace_s(self, sequence: Sequence) -> float:
        times = self.simulation.token_times[sequence.id]
        return (times[-1] - times[0]) / max(1, len(times) - 1)

    def _arrive(self, number: int, arriving: Arriving) -> None:
        prompt = text(number, arriving.prompt_tokens)
        prompt[:3] = divmod(number, 50)[0] % 50, number % 50, number % 49
        try:
            self.let_in.append(
                self.simulation.offer(prompt, arriving.max_tokens, arriving.terms, int(arriving.at_s * 1e9))
            )
        except WouldBeLate as error:
            self.refused.append((arriving, error))
