"""The Servable of a tensor model that has variants: a batched model for each, and a choice between them on arrival.

A request goes to the preferred variant, or to the one nearest to it that is as accurate as the caller asks for. Where
that one would answer late, the next cheaper one that is allowed is asked. What must not be late is a reason to choose
a cheaper one; a request without a deadline is answered by the most accurate.

Two variants that compute at once take each other's time. So what waits when a cheaper one is preferred waits for that
one from then on: else those that came last before it would be the ones that are late.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from headrace.batching.batched_model import BatchedModel
from headrace.batching.demand import Demand
from headrace.batching.refusals import NotTaken
from headrace.batching.variant_choice import FOLLOW, HALF_LIFE_NS, SEEN_AFTER_NS, Preference, cheaper_after, prefer
from headrace.batching.waiting import Waiting
from headrace.clock import Clock
from headrace.errors import HeadraceError, Unavailable, WouldBeLate
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, ModelVersion, Request, Signature

log = logging.getLogger(__name__)


class Choice(NamedTuple):
    """A variant that may answer."""

    name: str
    accuracy: float
    model: BatchedModel
    cost_ns: Callable[[int, int], float]
    """What so many rows of that length take of a busy machine; 0 where nobody knows."""


class VariedModel:
    """Owns a batched model for each variant, and the preference among them. All is called on the event loop."""

    def __init__(self, version: ModelVersion, choices: Sequence[Choice], clock: Clock, objective: bool = False) -> None:
        """The first of `choices` is the model's own file, whose signature is the model's; `objective` says that every
        request has a deadline."""
        self._version = version
        self._own = choices[0].model
        runtimes = {choice.name: choice.model.signature.runtime for choice in choices}
        self._own.signature = msgspec.structs.replace(self._own.signature, variant_runtimes=runtimes)
        self._choices = sorted(choices, key=lambda choice: -choice.accuracy)  # equal ones stay in order
        self._objective = objective
        self._clock = clock
        self._demands = [Demand((HALF_LIFE_NS,), SEEN_AFTER_NS) for _ in choices]
        self._refused = 0.0  # by the preferred variant, of what any could take, of late
        self.preference = Preference()

    @property
    def signature(self) -> Signature:
        return self._own.signature

    def submit(self, request: Request, reply: Reply) -> Cancel:
        """As `Servable.submit`; a request that names a variant, or asks for too much accuracy, was refused before."""
        context = request.context
        try:
            item = self._own.read(request, reply)
        except HeadraceError as error:
            reply(error)
            return _nothing
        loads = self._loads(item.queued_ns)
        if context.variant:
            order = [index for index, choice in enumerate(self._choices) if choice.name == context.variant]
        else:
            allowed = sum(choice.accuracy >= context.min_accuracy for choice in self._choices)  # the first of them
            hurried = self._objective or context.deadline_ns is not None
            first = min(self.preference.index, allowed - 1) if hurried else 0
            order = [first, *(index for index in cheaper_after(first, loads) if index < allowed)]
        refused: NotTaken | None = None
        crowded = False  # the first one has no time for it beside what others ask
        for place, index in enumerate(order):
            model = self._choices[index].model
            refused, item = self._offered(model, item)
            if refused is not None and not place:
                crowded = _is_crowded(model, refused)
            if refused is None:
                if len(order) > 1 and order[0] == self.preference.index:
                    self._refused += FOLLOW * (crowded - self._refused)
                taken = item
                if not context.variant:
                    self._count(taken)
                return lambda: model.cancel(taken)
            if not isinstance(refused.error, Unavailable):  # late, full or failing: another may do better
                break
        assert refused is not None  # what names no variant of this model was refused before
        model.refuse(item, refused)
        return _nothing

    def backlog(self) -> Backlog:
        each = [choice.model.backlog() for choice in self._choices]
        return Backlog(sum(backlog.queued for backlog in each), sum(backlog.running for backlog in each))

    async def drain(self) -> None:
        await asyncio.gather(*(choice.model.drain() for choice in self._choices))

    async def close(self) -> None:
        await asyncio.gather(*(choice.model.close() for choice in self._choices))

    def _offered(self, model: BatchedModel, item: Waiting) -> tuple[NotTaken | None, Waiting]:
        """Offer the request to a variant, as it reads it: its rows may be padded otherwise."""
        if model is not self._own:
            try:
                item = model.read(item.request, item.reply)
            except HeadraceError as error:
                return NotTaken(error), item
        return model.offer(item), item

    def _count(self, item: Waiting) -> None:
        """It will be answered, and any variant might have: what nobody takes, however dear, is no load."""
        for demand, choice in zip(self._demands, self._choices, strict=True):
            demand.arrived(item.queued_ns, item.rows, choice.cost_ns(item.rows, item.length))

    def _loads(self, now_ns: int) -> list[float]:
        """What each would be loaded with; looks whether another variant is to be preferred."""
        loads = [demand.load(now_ns) for demand in self._demands]
        before, after = self.preference, prefer(self.preference, loads, self._refused, now_ns)
        if after is not before:
            self.preference = after
            log.info("%s: %s", self._version, self._why(before, after, loads))
            self._refused = 0.0
            if after.index > before.index:
                self._hand_over(before.index, after.index)
        return loads

    def _hand_over(self, before: int, after: int) -> None:
        """Have a cheaper variant answer what waits, is in a hurry and may be answered by it."""
        to = self._choices[after]

        def may(item: Waiting) -> bool:
            context = item.request.context
            return item.deadline_ns is not None and not context.variant and context.min_accuracy <= to.accuracy

        self._choices[before].model.hand_over(may, to.model)

    def _why(self, before: Preference, after: Preference, loads: Sequence[float]) -> str:
        name, instead = self._choices[after.index].name, self._choices[before.index].name
        load = f"{loads[before.index]:.0%} of the machine's time, {name!r} {loads[after.index]:.0%}"
        if after.index < before.index:
            return f"variant {name!r} answers again: {instead!r} takes {load}"
        refused = f"and refused {self._refused:.0%}"
        return f"variant {name!r} answers what is in a hurry: {instead!r} would take {load}, {refused}"


def _is_crowded(model: BatchedModel, refused: NotTaken) -> bool:
    """Whether it was refused for what others ask: what is in too much haste for the variant alone is no reason to
    answer others less accurately."""
    in_vain = isinstance(refused.error, WouldBeLate) and refused.error.retry_after_s is None
    backlog = model.backlog()
    return not in_vain and (backlog.queued > 0 or backlog.running > 0)


def _nothing() -> None:
    """The cancel of a request that is already answered."""
