"""What an engine's steps did, counted until it is asked."""

from collections.abc import Sequence as Values

from headrace.generation import StepFacts
from headrace.llm.sequence import Sequence
from headrace.llm.step import Step


class Tally:
    """Counts of the steps since the last call of `facts`. Owned by the engine."""

    def __init__(self) -> None:
        self._clear()

    def begin(self, step: Step) -> None:
        """A step starts."""
        self._preempted += len(step.preempted)
        for chunk in step.chunks:
            sequence = chunk.sequence
            if chunk.past < sequence.num_prompt_tokens:
                self._prompt_tokens += min(chunk.past + chunk.num_tokens, sequence.num_prompt_tokens) - chunk.past
                self._note_begun(sequence)
            if chunk.num_drafts:
                self._drafts += 1
                self._drafted_tokens += chunk.num_drafts

    def end(self, step: Step, sampled: Values[list[int]], seconds: float) -> None:
        """It gave these tokens and took so long, choosing them included."""
        self._seconds += seconds
        for chunk, ids in zip(step.chunks, sampled, strict=True):
            self._generated_tokens += len(ids)
            if chunk.num_drafts and ids:
                self._accepted_tokens += min(len(ids) - 1, chunk.num_drafts)

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
        )
        self._clear()
        return found

    def _note_begun(self, sequence: Sequence) -> None:
        """Of a prompt that is computed for the first time: what the prefix cache spared."""
        if sequence.num_preempted or sequence.num_computed_tokens != sequence.num_cached_tokens:
            return
        self._queried_tokens += sequence.num_prompt_tokens
        self._cached_tokens += sequence.num_cached_tokens

    def _clear(self) -> None:
        self.aborted = 0  # requests
        self.saved_tokens = 0
        self._seconds = 0.0
        self._prompt_tokens = 0
        self._generated_tokens = 0
        self._cached_tokens = 0
        self._queried_tokens = 0
        self._preempted = 0
        self._drafts = 0
        self._drafted_tokens = 0
        self._accepted_tokens = 0
