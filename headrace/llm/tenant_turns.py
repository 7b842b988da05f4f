"""In what order waiting sequences are started: by level, tenants in turn, each one's by its first token's deadline."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from headrace.llm import sequence as sequences
from headrace.llm.step_time import StepShape, StepTime, prefill_shape
from headrace.virtual_counters import VirtualCounters

STARVED_NS = 10_000_000_000  # one that waits for so long behind higher levels is next

USUAL_STEP, USUAL_PROMPT = StepShape(16, 16, 16 * 256), prefill_shape(0, 128, 1)
MOST_WEIGHT = 16.0

_arrived = attrgetter("arrived_ns")


class TenantTurns:
    """Tokens that each tenant was served, over its weight. Owned by the scheduler."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.counters = VirtualCounters(weights)
        self._waiting: dict[str, int] = {}  # sequences of each tenant

    @property
    def tenants(self) -> Mapping[str, int]:
        """How many sequences of each wait."""
        return self._waiting

    def entered(self, sequence: sequences.Sequence) -> None:
        """It waits from now on."""
        tenant = sequence.tenant
        if tenant not in self._waiting:
            self.counters.came(tenant, self._waiting)
        self._waiting[tenant] = self._waiting.get(tenant, 0) + 1

    def left(self, sequence: sequences.Sequence) -> None:
        """It waits no longer."""
        tenant = sequence.tenant
        self._waiting[tenant] -= 1
        if not self._waiting[tenant]:
            del self._waiting[tenant]

    def served(self, tenant: str, tokens: float) -> None:
        """Tokens of a prompt, or tokens that were generated, weighed by what they take."""
        self.counters.served(tenant, tokens)

    def in_order(self, waiting: Sequence[sequences.Sequence], now_ns: int) -> Iterator[sequences.Sequence]:
        """These sequences, which are given by level and deadline. What is served meanwhile counts at once."""
        waiting = list(waiting)  # as it was: whoever takes one out of it goes on
        starved = _starved(waiting, now_ns)
        if starved is not None:
            yield starved
        in_turn = waiting if len(self._waiting) < 2 else self._in_turn(waiting)
        for sequence in in_turn:
            if sequence is not starved:
                yield sequence

    def _in_turn(self, waiting: Sequence[sequences.Sequence]) -> Iterator[sequences.Sequence]:
        lines: dict[str, list[sequences.Sequence]] = {}
        for sequence in reversed(waiting):
            lines.setdefault(sequence.tenant, []).append(sequence)  # the most urgent last
        heap = [(line[-1].level, self.counters.of(tenant), tenant) for tenant, line in lines.items()]
        heapq.heapify(heap)
        while heap:
            _, _, tenant = heapq.heappop(heap)
            line = lines[tenant]
            yield line.pop()
            if line:
                heapq.heappush(heap, (line[-1].level, self.counters.of(tenant), tenant))


def _starved(waiting: Sequence[sequences.Sequence], now_ns: int) -> sequences.Sequence | None:
    """The oldest of those behind a higher level, where it has waited for too long. Tenants take turns: none starves."""
    if not waiting or waiting[0].level == waiting[-1].level:
        return None
    oldest = min([each for each in waiting if each.level > waiting[0].level], key=_arrived)
    return oldest if now_ns - oldest.arrived_ns >= STARVED_NS else None


def token_weight(step_time: StepTime) -> float:
    """What a token that is generated takes, in tokens of prompts."""
    token_s = step_time.seconds(USUAL_STEP) / USUAL_STEP.tokens
    prompt_s = step_time.seconds(USUAL_PROMPT) / USUAL_PROMPT.tokens
    return max(1.0, min(token_s / prompt_s, MOST_WEIGHT))
