"""Counts what one language model's steps and generations say."""

from collections import Counter

from headrace.generation import StepFacts
from headrace.observe.histogram import (
    CHOICE_BOUNDS,
    DURATION_BOUNDS_NS,
    GENERATION_BOUNDS_NS,
    SECOND,
    TOKEN_BOUNDS,
    Histogram,
)
from headrace.records import GenerationRecord

UNFINISHED = ("abort", "error")
"""Ends of a choice that is not complete."""


class LanguageTally:
    """What one version has computed and answered since it was loaded; zeros for a model that generates nothing."""

    def __init__(self) -> None:
        self.tokens: Counter[str] = Counter()  # by kind: see `language_families.TOKENS`
        self.queried_tokens = 0  # of prompts, looked for in the prefix cache
        self.preemptions = 0
        self.drafts = 0
        self.cancelled = 0  # requests whose caller went away
        self.used_blocks = 0  # now
        self.num_blocks = 0
        self.finishes: Counter[str] = Counter()  # choices by how they ended
        self.promises: Counter[tuple[str, str]] = Counter()  # what was promised, and whether it was kept
        self.step_ns = Histogram(DURATION_BOUNDS_NS)
        self.step_tokens = Histogram(TOKEN_BOUNDS)
        self.gap_ns = Histogram(DURATION_BOUNDS_NS)
        self.first_token_ns = Histogram(GENERATION_BOUNDS_NS)
        self.queue_ns = Histogram(GENERATION_BOUNDS_NS)
        self.prefill_ns = Histogram(GENERATION_BOUNDS_NS)
        self.decode_ns = Histogram(GENERATION_BOUNDS_NS)
        self.inference_ns = Histogram(GENERATION_BOUNDS_NS)
        self.whole_ns = Histogram(GENERATION_BOUNDS_NS)
        self.token_ns = Histogram(DURATION_BOUNDS_NS)
        self.prompt_tokens = Histogram(TOKEN_BOUNDS)
        self.computed_tokens = Histogram(TOKEN_BOUNDS)  # of prompts, those that were not found
        self.generated_tokens = Histogram(TOKEN_BOUNDS)
        self.longest_choice = Histogram(TOKEN_BOUNDS)
        self.choices = Histogram(CHOICE_BOUNDS)
        self.max_tokens = Histogram(TOKEN_BOUNDS)

    def add_step(self, facts: StepFacts) -> None:
        tokens = self.tokens
        tokens["prompt"] += facts.prompt_tokens
        tokens["cached"] += facts.cached_tokens
        tokens["generated"] += facts.generated_tokens
        tokens["drafted"] += facts.drafted_tokens
        tokens["accepted"] += facts.accepted_tokens
        tokens["saved"] += facts.saved_tokens
        self.queried_tokens += facts.queried_tokens
        self.preemptions += facts.preempted
        self.drafts += facts.drafts
        self.cancelled += facts.aborted
        self.used_blocks, self.num_blocks = facts.used_blocks, facts.num_blocks
        if facts.seconds:
            self.step_ns.add((round(facts.seconds * SECOND),))
            self.step_tokens.add((facts.prompt_tokens + facts.generated_tokens,))
        for gap_ns, count in facts.gaps:
            self.gap_ns.add((gap_ns,), count)

    def add_generation(self, record: GenerationRecord) -> None:
        """Times of one that is not complete are those that it had: until its first token, if there was one."""
        for finish in record.finishes:
            self.finishes[finish] += 1
        self.choices.add((record.n,))
        if record.max_tokens is not None:
            self.max_tokens.add((record.max_tokens,))
        times = record.times
        if times.first_token_ns and record.first_due_ns is not None:
            self._judge("first_token", record.arrived_ns + times.first_token_ns <= record.first_due_ns)
        if times.first_token_ns:
            self.first_token_ns.add((times.first_token_ns,))
            self.queue_ns.add((times.queued_ns,))
            self.prefill_ns.add((max(0, times.first_token_ns - times.queued_ns),))
        if is_complete(record):
            self._add_complete(record)

    @property
    def kv_usage(self) -> float:
        """Share of the blocks that requests hold."""
        return self.used_blocks / self.num_blocks if self.num_blocks else 0.0

    def worker_lost(self) -> None:
        """Its process is gone, and with it what the cache held."""
        self.used_blocks = 0

    def _judge(self, promise: str, kept: bool) -> None:
        self.promises[promise, "kept" if kept else "late"] += 1

    def _add_complete(self, record: GenerationRecord) -> None:
        took_ns, usage = record.finished_ns - record.arrived_ns, record.usage
        decode_ns = max(0, took_ns - record.times.first_token_ns)
        self.whole_ns.add((took_ns,))
        self.inference_ns.add((max(0, took_ns - record.times.queued_ns),))
        self.decode_ns.add((decode_ns,))
        if record.longest > 1:
            token_ns = decode_ns // (record.longest - 1)
            self.token_ns.add((token_ns,))
            if record.tpot_ns is not None:
                self._judge("pace", token_ns <= record.tpot_ns)
        self.prompt_tokens.add((usage.prompt_tokens,))
        self.computed_tokens.add((usage.prompt_tokens - usage.cached_tokens,))
        self.generated_tokens.add((usage.completion_tokens,))
        self.longest_choice.add((record.longest,))


def is_complete(record: GenerationRecord) -> bool:
    return not any(finish in UNFINISHED for finish in record.finishes)
