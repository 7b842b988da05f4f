"""Proposing tokens before a step, out of the texts themselves or by another model, where that may pay."""

import logging
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Values

from headrace.errors import Unavailable
from headrace.llm.choice import Choice
from headrace.llm.draft_length import MOST, DraftLength
from headrace.llm.draft_model import DraftModel
from headrace.llm.step_time import StepShape, StepTime

log = logging.getLogger(__name__)


class Drafting:
    """Owned by the engine, which asks for proposals between two steps; owns the model that drafts, if there is one."""

    def __init__(self, ngrams: bool, rates: DraftLength, step_time: StepTime) -> None:
        """`ngrams`: whether tokens are found in the texts themselves; `step_time` is the model's."""
        self.model: DraftModel | None = None
        self.ngrams = ngrams
        self._rates = rates
        self._step_time = step_time

    def propose(self, running: Values[Choice], waiting: bool) -> None:
        """Give those that run proposals; `waiting`: whether prompts wait to be begun."""
        decoding = [each for each in running if each.sequence.num_uncomputed_tokens == 1]
        if not decoding:
            return
        context, count = sum([len(each.sequence) for each in decoding]), len(decoding)

        def seconds(drafts: int) -> float:
            return self._step_time.seconds(StepShape(count + drafts, count + drafts, context))

        if self.ngrams and self._rates.worthwhile(count, seconds):
            for choice in decoding:
                choice.draft(MOST, self._rates.least_kind)
        if self.model is not None and not waiting and len(decoding) == len(running):
            self._ask(self.model, running, seconds)

    def read_ahead(self, choices: Iterable[Choice]) -> None:
        """While a step runs: note where tokens stand in these texts, so that drafts are found at once after it."""
        if self.ngrams and self._rates.may_pay:
            for choice in choices:
                choice.drafter.read(choice.sequence.token_ids)

    def forget(self, sequence_id: int) -> None:
        if self.model is not None:
            self.model.forget(sequence_id)

    def rest(self) -> bool:
        """Nobody waits for a step: the model that drafts is made ready too; False where nothing is left to do."""
        return self.model is not None and self.model.rest()

    def close(self) -> None:
        if self.model is not None:
            self.model.close()

    def _ask(self, model: DraftModel, choices: Values[Choice], seconds: Callable[[int], float]) -> None:
        """The other model's proposals, unless a first token is yet to be told."""
        if any(each.sequence.num_generated_tokens < 2 for each in choices):
            return
        try:
            model.propose(choices, seconds)
        except Unavailable as error:
            log.warning("the model that drafts is left out from now on: %s", error)
            model.close()
            self.model = None
