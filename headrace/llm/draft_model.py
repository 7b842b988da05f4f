"""A smaller model that drafts: it reads along with the texts and says what may come next, all texts in one pass.

A draft is chosen exactly as the model's own next token will be: by the same rules, the same grammar and the same random
number (common random numbers). Where the two models think alike they so agree, sampled or greedy; and whatever comes of
it is only a guess, which the model's step keeps or not (see `acceptance`).
"""

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import InvalidRequest
from headrace.llm.choice import Choice
from headrace.llm.draft_depth import Cost, Draftable, DraftDepth, Seconds
from headrace.llm.draft_length import FIRST_TRY, MODEL, DraftLength, Offer
from headrace.llm.draft_texts import DraftText, DraftTexts
from headrace.llm.sampler import RowChoice, Sampler
from headrace.llm.step import Chunk, Step, StepArrays
from headrace.llm.step_time import StepShape, StepTime, decode_shape, prefill_shape
from headrace.llm.warm_up import decoding
from headrace.runtimes.language import LanguageModel

MOST = 5  # drafts of one text: more are seldom all right, and each takes a pass
ALONE_S, IN_COMPANY_S = 0.25, 0.05
"""How long the other texts, and newcomers, may be held up while the model that drafts catches up."""


class Drafter(msgspec.Struct):
    """A language model that is there to draft; its cache of `num_blocks` is allocated."""

    model: LanguageModel
    num_blocks: int
    step_time: StepTime  # of its passes


class DraftModel:
    """Drafts with another model, which it closes, where that pays. Owned by the engine, used between two steps."""

    def __init__(
        self,
        drafter: Drafter,
        vocabulary: int,
        rates: DraftLength,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`vocabulary` is that of the model drafted for; `rates` has those at which drafts are accepted."""
        model = drafter.model
        self.texts = DraftTexts(drafter.num_blocks, model.block_size, model.vocabulary, model.max_context)
        self._model = model
        self._step_time = drafter.step_time
        self._vocabulary = vocabulary
        self._rates = rates
        self._now_ns = now_ns
        self._depth = DraftDepth()
        self._arrays = StepArrays(model.block_size)
        self._sampler = Sampler(vocabulary)

    def propose(self, choices: Sequence[Choice], step: Seconds) -> None:
        """Give sequences that are about to sample drafts, in place of those found in their text where these are better.

        `choices` are all that run; `step(n)` is what the model's next step takes with n drafts. Takes the time of the
        passes that are made. Raises Unavailable where memory lacks for one.
        """
        self.texts.sweep()
        cost = Cost(step, self._pass_seconds(choices))
        if not self._depth.hopeful(len(choices), cost):
            if self._depth.measures(cost):
                self._measure()
            return
        texts = [self.texts.follow(choice.sequence) for choice in choices]
        left = max(choice.sequence.num_tokens_left for choice in choices)
        depths = self._depth.choose(list(map(self._draftable, choices, texts)), cost, left)
        if depths.behind:
            self._catch_up([texts[place] for place in depths.behind], ALONE_S if len(texts) == 1 else IN_COMPANY_S)
        drafting = [
            _Drafting(choice, text, depth)
            for choice, text, depth in zip(choices, texts, depths.drafts, strict=True)
            if depth
        ]
        if drafting:
            self._draft(drafting)

    def forget(self, sequence_id: int) -> None:
        """The sequence needs no more drafts."""
        self.texts.forget(sequence_id)

    def rest(self) -> bool:
        return self._model.rest()

    def close(self) -> None:
        self._model.close()

    # ---- what is decided on

    def _pass_seconds(self, choices: Sequence[Choice]) -> Seconds:
        """What a pass takes by its tokens, each of a text of the usual length."""
        context = sum(len(choice.sequence) for choice in choices) // len(choices)
        step_time = self._step_time
        return lambda count: step_time.seconds(StepShape(count, min(count, len(choices)), count * context))

    def _draftable(self, choice: Choice, text: DraftText) -> Draftable:
        sequence = choice.sequence
        most = min(MOST if MODEL in sequence.num_judged else FIRST_TRY, sequence.num_tokens_left - 1)
        room = self.texts.room(text, len(sequence) + most - 1) - len(sequence) + 1  # the last draft is not computed
        return Draftable(
            lag=text.lag,
            rate=self._rates.rate(sequence, MODEL),
            most=max(0, min(most, room)),
            found=Offer(len(sequence.draft_ids), self._rates.rate(sequence) if sequence.draft_ids else 0.0),
        )

    # ---- passes

    def _catch_up(self, texts: Sequence[DraftText], longest_s: float) -> None:
        """Compute what is known of the texts but the last token, one after another, for so long."""
        for text in texts:
            while text.lag > 1 and longest_s > 0.0:
                past = text.own.num_computed_tokens
                room = self.texts.room(text, text.num_known)
                count = self._fitting(past, min(text.lag - 1, room - past), longest_s)
                if count < 1:
                    return
                text.own.num_prompt_tokens = past + count  # as one piece
                shape, started_ns = prefill_shape(past, count, 0), self._now_ns()
                self._pass([(text, past, count)], num_rows=0)
                longest_s -= self._learn(shape, started_ns)

    def _fitting(self, past: int, most: int, longest_s: float) -> int:
        """A piece that is computed in time, or a block's tokens."""
        count = most
        while count > self._model.block_size and self._step_time.seconds(prefill_shape(past, count, 0)) > longest_s:
            count //= 2
        return count

    def _draft(self, drafting: Sequence["_Drafting"]) -> None:
        """One pass for each token of depth."""
        while going := [each for each in drafting if len(each.draft_ids) < each.depth]:
            pieces, shape, started_ns = [], StepShape(), self._now_ns()
            for each in going:
                past = each.text.own.num_computed_tokens
                count = len(each.text.own) - past
                pieces.append((each.text, past, count))
                shape += decode_shape(past, count)
            logits = self._pass(pieces, num_rows=1)
            for row, each in enumerate(going):
                self._guess(logits, row, each)
            self._learn(msgspec.structs.replace(shape, rows=len(going)), started_ns)
        for each in drafting:
            each.choice.guess(each.draft_ids, MODEL)

    def _guess(self, logits: NDArray[np.float32], row: int, each: "_Drafting") -> None:
        """Choose the next draft of a text by its row of logits."""
        choice, ahead = each.choice, tuple(each.draft_ids)
        try:
            mask = choice.mask_after(ahead)
        except InvalidRequest:  # its grammar became too costly: it is told so when the step's masks are filled
            each.depth = len(ahead)
            return
        (token_id,) = self._sampler.guess(logits, [RowChoice(row, choice.choosing, ahead, mask)])
        each.draft_ids.append(token_id)
        each.text.own.token_ids.append(token_id)

    def _pass(self, pieces: Sequence[tuple[DraftText, int, int]], num_rows: int) -> NDArray[np.float32]:
        """Compute (text, past, tokens) in one pass; its logits as the model drafted for numbers them."""
        chunks = tuple(Chunk(text.own, past, count, 0, num_rows, bool(num_rows)) for text, past, count in pieces)
        self._model.start(self._arrays.lay(Step(chunks, (), StepShape(), 0.0)))
        logits = self._model.wait()
        for text, past, count in pieces:
            self.texts.computed(text, past + count)
        return widened(logits, self._vocabulary)

    def _measure(self) -> None:
        """One pass of a text that is none, on the block that belongs to nobody."""
        size, started_ns = self._model.block_size, self._now_ns()
        self._model.start(decoding(1, size))
        self._model.wait()
        self._learn(decode_shape(size - 1), started_ns)

    def _learn(self, shape: StepShape, started_ns: int) -> float:
        """A pass of this shape ends now, the choice of its drafts included; the seconds that it took."""
        seconds = (self._now_ns() - started_ns) / 1e9
        self._step_time.observe(shape, seconds)
        return seconds


class _Drafting(msgspec.Struct):
    """A text that is drafted for in this step."""

    choice: Choice
    text: DraftText
    depth: int
    draft_ids: list[int] = []


def widened(logits: NDArray[np.float32], vocabulary: int) -> NDArray[np.float32]:
    """The logits [R, V] for a vocabulary of another size: tokens that the model does not have are impossible."""
    num_rows, own = logits.shape
    if own == vocabulary:
        return logits
    wide = np.full((num_rows, vocabulary), -np.inf, np.float32)
    wide[:, :own] = logits[:, :vocabulary]
    return wide
