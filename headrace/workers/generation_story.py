"""What is worth keeping of one generation, gathered from its answers as they pass."""

from headrace.generation import FinishReason, Generate, Generated, Times, Usage
from headrace.records import GenerationRecord
from headrace.types import ModelVersion


class Story:
    """One generation from its arrival to its end. Owned by the call that answers it."""

    __slots__ = ("_arrived_ns", "_finishes", "_max_tokens", "_n", "_times", "_usage")

    def __init__(self, ask: Generate, arrived_ns: int) -> None:
        self._n = ask.n
        self._max_tokens = ask.sampling.max_tokens
        self._arrived_ns = arrived_ns
        self._usage = Usage(0, 0)
        self._times = Times()
        self._finishes: dict[int, FinishReason] = {}

    def hear(self, result: Generated) -> None:
        """One more answer."""
        self._usage = result.usage
        if result.times.first_token_ns:
            self._times = result.times
        for delta in result.deltas:
            if delta.finish:
                self._finishes[delta.index] = delta.finish

    def record(self, version: ModelVersion, now_ns: int) -> GenerationRecord:
        """It ends here; choices that are not complete were aborted."""
        finishes = tuple([self._finishes.get(index, "abort") for index in range(self._n)])
        return GenerationRecord(
            version, self._n, self._max_tokens, self._usage, self._times, finishes, self._arrived_ns, now_ns
        )
