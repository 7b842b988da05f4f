"""One text that continues a prompt: its sequence, how its tokens are chosen, and what of it is yet to be told."""

from collections.abc import Sequence as Values

import numpy as np
from numpy.typing import NDArray

from headrace.deltas import in_order
from headrace.generation import Delta, FinishReason, TokenLogprob
from headrace.llm.acceptance import rows_to_verify
from headrace.llm.choosing import Choosing
from headrace.llm.drafts import NgramDrafter
from headrace.llm.engine_protocol import Told
from headrace.llm.logprobs import Scored
from headrace.llm.masks import Masks
from headrace.llm.sampler import RowChoice
from headrace.llm.sequence import Sequence, Status
from headrace.llm.thought_limit import ThoughtLimit
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.told_text import ToldText


class Choice:
    """One of a request's texts. Owned by the engine, which calls `take` between two steps and `read` during one.

    Tokens end it at once; a stop string is found when they are read, while the next step already runs.
    """

    def __init__(
        self,
        index: int,
        sequence: Sequence,
        choosing: Choosing,
        text: ToldText,
        tokenizer: Tokenizer,
        eos_ids: frozenset[int],
        masks: Masks | None = None,
        thought_limit: ThoughtLimit | None = None,
    ) -> None:
        sampling = choosing.sampling
        self.index = index
        self.sequence = sequence
        self.choosing = choosing
        self.drafter = NgramDrafter()
        self.masks = masks  # None: no grammar
        self.finish: FinishReason | None = None
        self.num_tokens = 0  # of its text, thoughts included
        self.logprob = 0.0  # of all of them together, where they are scored
        self.must_be_read = bool(sampling.stop) or text.may_end  # as it comes, because its text may end it
        self._sampling = sampling
        self._thought_limit = thought_limit
        self._text = text
        self._tokenizer = tokenizer
        self._eos_ids = frozenset[int]() if sampling.ignore_eos else eos_ids
        self._ends = self._eos_ids.union(sampling.stop_ids)
        self._unread: list[tuple[int, Scored | None]] = []
        self._token_ids: list[int] = []  # of the next delta
        self._logprobs: list[TokenLogprob] = []
        self._untold: list[Delta] = []
        self._stopped_by: str | int | None = None
        self._read_whole = False
        self._told_whole = False

    @property
    def num_thought_tokens(self) -> int:
        """Of those of its text that were read."""
        return self._text.num_thought_tokens

    def rows(self, at: int, drafts: Values[int]) -> list[RowChoice]:
        """What to sample after its last known token and after each of the drafts; the first row is `at`."""
        return rows_to_verify(at, self.choosing, drafts, self.masks.rows if self.masks is not None else ())

    def take(self, token_ids: Values[int], scored: Values[Scored | None]) -> list[int]:
        """Those of the tokens chosen next that it keeps: none after one that ends it, or that it put another for.

        Raises InvalidRequest where one was chosen for want of any that is allowed.
        """
        left = self.sequence.num_tokens_left
        kept: list[int] = []
        for chosen, score in zip(token_ids, scored, strict=True):
            if len(kept) == left:
                break
            self.choosing.check(chosen)
            token_id = chosen if self._thought_limit is None else self._thought_limit.take(chosen)
            kept.append(token_id)
            self.choosing.push(token_id)
            self._unread.append((token_id, score if token_id == chosen else None))
            if token_id in self._ends:
                self.finish = "stop"
                self._stopped_by = None if token_id in self._eos_ids else token_id
            if self.masks is not None and self.masks.accept((token_id,)):
                self.finish = "stop"
            if token_id != chosen or self.finish is not None:
                break
        if self.finish is None and len(kept) == left:
            self.finish = "length"
        return kept

    def draft(self, most: int, least: int = 0) -> None:
        """Propose up to `most` tokens to its sequence, found in its own text behind `least` equal ones or more."""
        self.guess(*self.drafter.propose(self.sequence.token_ids, most, least))

    def guess(self, drafts: list[int], kind: int) -> None:
        """Propose these tokens to its sequence, as far as its grammar allows them."""
        if drafts and self.masks is not None:
            del drafts[self.masks.allowed(drafts) :]
        self.sequence.draft_ids, self.sequence.draft_kind = drafts, kind

    def mask_after(self, drafts: Values[int]) -> NDArray[np.int32] | None:
        """What its grammar allows after these drafts; None: it has none. Good until the next call."""
        if self.masks is None:
            return None
        self.masks.fill(drafts)
        return self.masks.rows[len(drafts)]

    def read(self) -> None:
        """Turn the tokens taken since the last call into text; what is in it may end the choice."""
        if self._read_whole:
            return
        for token_id, score in self._unread:
            self.num_tokens += 1
            self._token_ids.append(token_id)
            if score is not None:
                self.logprob += score.logprob
            if token_id in self._ends and not self._sampling.include_stop:
                break
            thought = self._text.num_thought_tokens
            self._text.feed(token_id)
            if self._sampling.logprobs is not None and score is not None and self.num_thought_tokens == thought:
                self._logprobs.append(token_logprob(self._tokenizer, token_id, score, self._text.hidden(token_id)))
            if self._text.ended:
                self.finish = "stop"
                break
        self._unread.clear()
        if self.finish is not None:
            self._end()
        if self._text.may_end:
            self._gather()  # what came together stays together, whether it is told at once or not

    def resume(self, told: Told) -> None:
        """Go on behind what another engine has told of it, as its sequence does.

        Before anything else: all that these tokens have changed, the random numbers, penalties, grammar, thoughts and
        pieces of characters, is as it was.
        """
        if told.finished:
            self.finish, self._read_whole, self._told_whole = "stop", True, True
            self.sequence.status = Status.FINISHED
            self.num_tokens = len(told.token_ids)
            return
        for token_id in told.token_ids:
            if self._thought_limit is not None:
                self._thought_limit.take(token_id)
            self.choosing.push(token_id)
            self._unread.append((token_id, None))
        if told.token_ids:
            if self.masks is not None:
                self.masks.accept(told.token_ids)
                self.masks.fill(())
            self.read()
            self._text.take_thoughts(), self._text.take()
            self._token_ids, self._logprobs, self._untold = [], [], []

    def deltas(self) -> list[Delta]:
        """What was read and not told yet, text and calls in their order; none where that is no text and not the end."""
        self._gather()
        told, self._untold = in_order(self._untold), []
        return told

    def _gather(self) -> None:
        """Keep what was read until it is told; its tokens are those of the text that came last."""
        thoughts, said = self._text.take_thoughts(), self._text.take()
        if self._told_whole or not (said or thoughts or self.finish):
            return
        self._told_whole = self.finish is not None
        *before, (text, calls) = said or [("", ())]
        if before and thoughts:
            self._untold.append(Delta(self.index, reasoning=thoughts))
            thoughts = ""
        self._untold += [Delta(self.index, first, tool_calls=called) for first, called in before]
        last = Delta(
            self.index,
            text,
            tuple(self._token_ids),
            tuple(self._logprobs),
            calls,
            self.finish,
            self._stopped_by,
            thoughts,
        )
        self._untold.append(last)
        self._token_ids, self._logprobs = [], []

    def _end(self) -> None:
        self._read_whole = True
        self._text.finish(cut=self.finish == "length")
        if self._text.stop is not None:
            self.finish, self._stopped_by = "stop", self._text.stop
        elif self._text.num_calls and self.finish == "stop":
            self.finish = "tool_calls"


def token_logprob(tokenizer: Tokenizer, token_id: int, scored: Scored | None, hidden: int = 0) -> TokenLogprob:
    """A token as callers are told of it, with so many bytes hidden; without a score the first of a prompt."""
    text, spelled = tokenizer.token_text(token_id), tokenizer.token_bytes(token_id)
    if scored is None:
        return TokenLogprob(token_id, text, spelled, None, hidden=hidden)
    top = tuple(
        TokenLogprob(other, tokenizer.token_text(other), tokenizer.token_bytes(other), logprob)
        for other, logprob in scored.top
    )
    return TokenLogprob(token_id, text, spelled, scored.logprob, top, scored.rank, hidden)
