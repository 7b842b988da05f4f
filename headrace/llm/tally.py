"""What an engine's steps did, counted until it is asked."""

from collections import Counter
from collections.abc import Sequence as Values

from headrace.generation import StepFacts
from headrace.llm.sequence import Sequence
from headrace.llm.step import Chunk, Step


class Tally:
    """Counts of the steps since the last call of `facts`. Owned by the engine."""

    def __init__(self) -> None:
        self._clear()

    def end(self, step: Step, sampled: Values[list[int]], seconds: float, now_ns: int) -> None:
        """A step gave these tokens now and took so long, choosing them included."""
        self._seconds += seconds
        self._expected_seconds += step.seconds
        self._preempted += len(step.preempted)
        for chunk, ids in zip(step.chunks, sampled, strict=True):
            self._computed[chunk.sequence.request] += chunk.num_tokens
            self._note_prompt(chunk)
            self._note_drafts(chunk, len(ids))
            if ids:
                self._generated_tokens += len(ids)
                self._note_gap(chunk.sequence, now_ns)

    def facts(self, running: int, waiting: int, used_blocks: int, num_blocks: int) -> StepFacts:
        """All of it, and how full it is now; counting begins anew."""
        found = StepFacts(
            self._seconds,
            self._prompt_tokens,
            self._generated_tokens,
            self._cached_tokens,
            self._queried_tokens,
            self._preempted,
            self._drafts,
            self._drafted_tokens,
            self._accepted_tokens,
            self.aborted,
            self.saved_tokens,
            running,
            waiting,
            used_blocks,
            num_blocks,
            tuple(self._gaps.items()),
            self._expected_seconds,
            tuple(self._computed.items()),
        )
        self._clear()
        return found

    def _note_prompt(self, chunk: Chunk) -> None:
        """What was computed of a prompt; of one that begins, what the prefix cache spared."""
        sequence = chunk.sequence
        if chunk.past >= sequence.num_prompt_tokens:
            return
        self._prompt_tokens += min(chunk.past + chunk.num_tokens, sequence.num_prompt_tokens) - chunk.past
        if chunk.past == sequence.num_cached_tokens and not sequence.num_preempted:
            self._queried_tokens += sequence.num_prompt_tokens
            self._cached_tokens += sequence.num_cached_tokens

    def _note_drafts(self, chunk: Chunk, num_tokens: int) -> None:
        if chunk.num_drafts:
            self._drafts += 1
            self._drafted_tokens += chunk.num_drafts
            self._accepted_tokens += min(max(0, num_tokens - 1), chunk.num_drafts)

    def _note_gap(self, sequence: Sequence, now_ns: int) -> None:
        """Most sequences of a step were in the one before: there are few different gaps."""
        if sequence.gained_ns is not None:
            self._gaps[now_ns - sequence.gained_ns] += 1
        sequence.gained_ns = now_ns

    def _clear(self) -> None:
        self.aborted = 0  # requests
        self.saved_tokens = 0
        self._seconds = 0.0
        self._expected_seconds = 0.0
        self._prompt_tokens = 0
        self._generated_tokens = 0
        self._cached_tokens = 0
        self._queried_tokens = 0
        self._preempted = 0
        self._drafts = 0
        self._drafted_tokens = 0
        self._accepted_tokens = 0
        self._gaps: Counter[int] = Counter()  # ns between the tokens of a sequence
        self._computed: Counter[int] = Counter()  # tokens of each request
