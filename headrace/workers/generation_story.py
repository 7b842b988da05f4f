"""What is worth keeping of one generation, gathered from its answers as they pass."""

from msgspec.structs import replace

from headrace.generation import FinishReason, Generate, Generated, Times, Usage
from headrace.llm.terms import UNSAID, Terms
from headrace.records import GenerationRecord
from headrace.types import ModelVersion


class Story:
    """One generation from its arrival to its end. Owned by the call that answers it."""

    __slots__ = (
        "_arrived_ns",
        "_chat",
        "_finishes",
        "_first_due_ns",
        "_id",
        "_lengths",
        "_max_tokens",
        "_n",
        "_times",
        "_tpot_ns",
        "_trace",
        "_unheard_ns",
        "_usage",
    )

    def __init__(
        self, ask: Generate, arrived_ns: int, request_id: str = "", trace: str = "", terms: Terms = UNSAID
    ) -> None:
        self._id = request_id
        self._trace = trace
        self._chat = ask.prompt.messages is not None
        self._n = ask.n
        self._lengths = [0] * ask.n  # tokens of each choice
        self._max_tokens = ask.sampling.max_tokens
        self._arrived_ns = arrived_ns
        self._usage = Usage(0, 0)
        self._times = Times()
        self._unheard_ns = 0  # between its arrival here and at the engine
        self._finishes: dict[int, FinishReason] = {}
        since_ns = arrived_ns if terms.arrived_ns is None else terms.arrived_ns
        self._first_due_ns = None if terms.ttft_ns is None else since_ns + terms.ttft_ns
        self._tpot_ns = terms.tpot_ns

    def hear(self, result: Generated, now_ns: int) -> None:
        """One more answer."""
        self._usage = result.usage
        if not self._times.first_token_ns:
            self._times = since_arrival(result.times, now_ns - self._arrived_ns)
            self._unheard_ns = self._times.first_token_ns - result.times.first_token_ns
        elif len(result.times.pauses) > len(self._times.pauses):
            self._times = replace(self._times, pauses=_later(result.times.pauses, self._unheard_ns))
        for delta in result.deltas:
            self._lengths[delta.index] += len(delta.token_ids)
            if delta.finish:
                self._finishes[delta.index] = delta.finish

    @property
    def num_tokens_left(self) -> int:
        """That may still come; 0 where the request says no number."""
        if self._max_tokens is None:
            return 0
        return sum([max(0, self._max_tokens - length) for length in self._lengths])

    def record(self, version: ModelVersion, now_ns: int, unfinished: str = "abort") -> GenerationRecord:
        """It ends here; `unfinished` says why choices that are not complete will not be."""
        finishes = tuple([self._finishes.get(index, unfinished) for index in range(self._n)])
        return GenerationRecord(
            version,
            self._n,
            self._max_tokens,
            self._usage,
            self._times,
            finishes,
            self._arrived_ns,
            now_ns,
            max(self._lengths),
            self._id,
            self._trace,
            self._first_due_ns,
            self._tpot_ns,
            self._chat,
        )


def since_arrival(times: Times, elapsed_ns: int) -> Times:
    """Times since the request came to the server, `elapsed_ns` before the answer that holds them.

    The engine counts from when it heard of the request, which is between two steps: what was waited for the one that
    ran is queueing like any other.
    """
    if not times.told_ns:
        return times
    unheard_ns = max(0, elapsed_ns - times.told_ns)
    pauses = _later(times.pauses, unheard_ns)
    return Times(times.queued_ns + unheard_ns, times.first_token_ns + unheard_ns, pauses=pauses)


def _later(pauses: tuple[tuple[int, int], ...], by_ns: int) -> tuple[tuple[int, int], ...]:
    return tuple([(begun_ns + by_ns, ended_ns + by_ns) for begun_ns, ended_ns in pauses])
