"""How many drafts are worth computing in a step: by how often they were right, and what the step takes with them.

A draft is worth its time where it raises the expected tokens a second of the whole step. So there are many where one
sequence runs and the weights are read anyhow, and none where the machine has enough to compute.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heapreplace

import msgspec

from headrace.llm.draft_credit import DraftCredit
from headrace.llm.sequence import Sequence

MEMORY = 12.0  # drafts that an acceptance rate remembers
TRUST = 2.0  # drafts that what others' texts did is worth for a new one: it soon goes by its own
MODEL_MEMORY, MODEL_TRUST = 32.0, 4.0  # the same of a model's drafts, which are more alike from text to text
FIRST_TRY = 4  # drafts of a sequence at most, until some of its own, of the same kind, were judged
MODEL = 1  # the kind of drafts that a model made; the others are what an n-gram drafter found again
SURE = 8  # the least kind of those that is hardly ever found by chance
FIRST_RATES = {MODEL: 0.8, 2: 0.2, 3: 0.35, 4: 0.5, 8: 0.8}  # by kind
OTHER_RATE = 0.6
GAIN = 1.03  # the least that drafts must promise: predictions are not exact
PROBE_EVERY = 24  # steps without drafts, though there were some, until one is tried again
PROBE_LAST = 768  # the same once many that were tried so were wrong: each doubles it
MOST = 15  # drafts of one sequence
STAIR = 8  # tokens that a step's time may grow by at once
SAME_LOAD = 8  # steps that `worthwhile` holds for while as many sequences run


class Offer(msgspec.Struct, frozen=True, gc=False):
    """The drafts of one sequence that could be computed in this step."""

    num_drafts: int
    rate: float  # at which a draft is accepted after those before it were


def best_lengths(offers: list[Offer], num_sampled: int, seconds: Callable[[int], float]) -> list[int]:
    """How many drafts of each offer raise the tokens a second most; all 0 where none raises them by GAIN.

    `num_sampled` tokens come out of the step without drafts, and it takes `seconds(n)` with n drafts. Drafts are added
    by the chance that they count (the product of the rates up to there), so the best number of them in all is the best
    of the beginnings of one list (TurboSpec, arXiv 2406.14066). Time grows in stairs: one more may be worth nothing
    and eight more much.
    """
    best_count, expected = 0, float(num_sampled)
    best = GAIN * expected / seconds(0)
    taken: list[int] = []
    for count, (chance, index) in enumerate(_likeliest_first(offers), start=1):
        taken.append(index)
        expected += chance
        speed = expected / seconds(count)
        if speed > best:
            best_count, best = count, speed
        elif count > best_count + STAIR and speed < 0.95 * best:
            break
    lengths = [0] * len(offers)
    for index in taken[:best_count]:
        lengths[index] += 1
    return lengths


def _likeliest_first(offers: list[Offer]) -> Iterator[tuple[float, int]]:
    """The chance that each draft counts, and whose it is; of equals the last offer's first. Few are ever asked for."""
    heap = [(-offer.rate, -index, 1) for index, offer in enumerate(offers) if offer.num_drafts]
    heapify(heap)
    while heap:
        chance, index, depth = heap[0]
        yield -chance, -index
        offer = offers[-index]
        if depth < min(offer.num_drafts, MOST):
            heapreplace(heap, (-(offer.rate ** (depth + 1)), index, depth + 1))
        else:
            heappop(heap)


class DraftLength:
    """Keeps the acceptance rates, and now and then tries what did not pay before. Owned by the scheduler."""

    def __init__(self) -> None:
        self._rates: dict[int, float] = {}  # by kind, over all sequences: where a new one begins
        self._idle_steps = 0
        self._probe_every = PROBE_EVERY
        self._last_count = 0  # drafts in the last step
        self.may_pay = True  # at the load that was last asked for: whether drafts need be made
        self._worth_load = 0  # sequences that it was found for
        self._worth_steps = 0  # that it is still taken to be true for
        self._num_judged = 0  # drafts of a model
        self._credit = DraftCredit()
        self.num_drafted = 0
        self.num_accepted = 0

    def choose(
        self,
        drafting: list[Sequence],
        num_sampled: int,
        seconds: Callable[[int], float],
        change_s: float = 0.0,
    ) -> list[int]:
        """How many of its `draft_ids` each sequence should compute in a step; see `best_lengths`.

        It takes `change_s` longer where it has not as many drafts as the last one: for the kernels a step of another
        size is another one. A step's own time has that of coming to a size, so this is that of going back.
        """
        last = self._last_count
        self._credit.step(seconds(0), num_sampled)
        if not drafting:
            self._idle_steps = self._last_count = 0
            return []
        lengths = self._chosen(
            drafting, num_sampled, lambda count: seconds(count) + (change_s if count != last else 0.0)
        )
        self._last_count = sum(lengths)
        return lengths

    def _chosen(self, drafting: list[Sequence], num_sampled: int, seconds: Callable[[int], float]) -> list[int]:
        offers = [Offer(_reach(sequence), self.rate(sequence)) for sequence in drafting]
        lengths = best_lengths(offers, num_sampled, seconds)
        for place, sequence in enumerate(drafting):
            if sequence.draft_kind == MODEL:  # weighed before they were made
                lengths[place] = len(sequence.draft_ids)
        if any(lengths):
            self._idle_steps = 0
            return lengths if self._is_paid(drafting, lengths, seconds) else [0] * len(lengths)
        self._idle_steps += 1
        if self._idle_steps < self._probe_every:
            return lengths
        self._idle_steps = 0
        self._probe_every = min(2 * self._probe_every, PROBE_LAST)
        hoped = [Offer(1, 0.9) if offer.num_drafts else Offer(0, 0.0) for offer in offers]
        if any(best_lengths(hoped, num_sampled, seconds)):
            lengths[max(range(len(offers)), key=lambda index: offers[index].num_drafts and offers[index].rate)] = 1
        return lengths

    @property
    def least_kind(self) -> int:
        """Of drafts that are worth looking for: where tries cannot be paid, those that are no chance."""
        return 0 if self._credit.is_there else SURE

    def _is_paid(self, drafting: list[Sequence], lengths: list[int], seconds: Callable[[int], float]) -> bool:
        """Whether they may be computed: some are no chance, or there is credit, from which they are paid then."""
        kinds = [sequence.draft_kind for sequence, length in zip(drafting, lengths, strict=True) if length]
        if not all(map(_may_be_chance, kinds)):
            return True
        if not self._credit.is_there:
            return False
        self._credit.spend(seconds(sum(lengths)) - seconds(0))
        return True

    def worthwhile(self, num_sequences: int, seconds: Callable[[int], float]) -> bool:
        """Whether even drafts that are nearly always right would pay at this load: else none need be made."""
        if num_sequences != self._worth_load or not self._worth_steps:
            self._worth_load, self._worth_steps = num_sequences, SAME_LOAD
            self.may_pay = any(best_lengths([Offer(4, 0.95)] * num_sequences, num_sequences, seconds))
        self._worth_steps -= 1
        return self.may_pay

    def rate(self, sequence: Sequence, kind: int | None = None) -> float:
        """The chance that the next draft of a sequence is right: one of those that it has, or of another kind."""
        kind = sequence.draft_kind if kind is None else kind
        rate = sequence.acceptance.get(kind)
        if rate is not None:
            return rate
        common = self._rates.get(kind, FIRST_RATES.get(kind, OTHER_RATE))
        return min(common, FIRST_RATES[kind]) if kind == MODEL else common  # drafts that are wrong are dear

    def record(self, sequence: Sequence, num_drafts: int, num_accepted: int) -> None:
        """So many drafts of a sequence were computed, and the first of them were right."""
        self.num_drafted += num_drafts
        self.num_accepted += num_accepted
        if num_accepted:
            self._probe_every = PROBE_EVERY
        kind = sequence.draft_kind
        if _may_be_chance(kind):
            self._credit.earn(num_accepted)
        common = self._rates.get(kind, FIRST_RATES.get(kind, OTHER_RATE))
        results = [1.0] * num_accepted + [0.0] * (num_accepted < num_drafts)
        memory, trust = (MODEL_MEMORY, MODEL_TRUST) if kind == MODEL else (MEMORY, TRUST)
        judged = sequence.num_judged.get(kind, 0)
        sequence.acceptance[kind] = _follow(self.rate(sequence), results, trust + judged, memory)
        sequence.num_judged[kind] = judged + len(results)
        self._rates[kind] = _follow(common, results, trust + self._num_judged if kind == MODEL else memory, memory)
        self._num_judged += len(results) if kind == MODEL else 0


def _reach(sequence: Sequence) -> int:
    """How many of its drafts may be computed: few of the first, whatever other texts were like."""
    most = len(sequence.draft_ids)
    return most if sequence.draft_kind in sequence.num_judged else min(most, FIRST_TRY)


def _may_be_chance(kind: int) -> bool:
    return MODEL < kind < SURE


def _follow(rate: float, results: Iterable[float], known: float, memory: float) -> float:
    """An average over `known` drafts that goes on, and forgets what is older than `memory` of them.

    It stays a little short of 1, so that longer guesses are still trusted less.
    """
    for result in results:
        known = min(known + 1.0, memory)
        rate += (result - rate) / known
    return min(rate, math.exp(-1 / 64))
