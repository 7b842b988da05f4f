"""One text that continues a prompt: its sequence, how its tokens are chosen, and what of it is yet to be told."""

from collections.abc import Sequence as Values

from headrace.generation import Delta, FinishReason, TokenLogprob
from headrace.llm.acceptance import rows_to_verify
from headrace.llm.choosing import Choosing
from headrace.llm.detokenize import Detokenizer
from headrace.llm.drafts import NgramDrafter
from headrace.llm.logprobs import Scored
from headrace.llm.masks import Masks
from headrace.llm.sampler import RowChoice
from headrace.llm.sequence import Sequence
from headrace.llm.stop_strings import StopStrings
from headrace.llm.tokenizer import Tokenizer


class Choice:
    """One of a request's texts. Owned by the engine, which calls `take` between two steps and `read` during one.

    Tokens end it at once; a stop string is found when they are read, while the next step already runs.
    """

    def __init__(
        self,
        index: int,
        sequence: Sequence,
        choosing: Choosing,
        tokenizer: Tokenizer,
        eos_ids: frozenset[int],
        echo: str = "",
        masks: Masks | None = None,
    ) -> None:
        sampling = choosing.sampling
        self.index = index
        self.sequence = sequence
        self.choosing = choosing
        self.drafter = NgramDrafter()
        self.masks = masks  # None: no grammar
        self.finish: FinishReason | None = None
        self.num_tokens = 0  # of its text
        self.logprob = 0.0  # of all of them together, where they are scored
        self._sampling = sampling
        self._tokenizer = tokenizer
        self._eos_ids = frozenset[int]() if sampling.ignore_eos else eos_ids
        self._ends = self._eos_ids.union(sampling.stop_ids)
        self._detokenizer = Detokenizer(tokenizer, sampling.skip_special_tokens)
        self._stops = StopStrings(sampling.stop, sampling.include_stop)
        self._unread: list[tuple[int, Scored | None]] = []
        self._text = [echo] if echo else []  # of the next delta, as are these
        self._token_ids: list[int] = []
        self._logprobs: list[TokenLogprob] = []
        self._stopped_by: str | int | None = None
        self._read_whole = False
        self._told_whole = False

    def rows(self, at: int, drafts: Values[int]) -> list[RowChoice]:
        """What to sample after its last known token and after each of the drafts; the first row is `at`."""
        return rows_to_verify(at, self.choosing, drafts, self.masks.rows if self.masks is not None else ())

    def take(self, token_ids: Values[int], scored: Values[Scored | None]) -> list[int]:
        """Those of the tokens chosen next that it keeps: none after one that ends it."""
        left = self.sequence.num_tokens_left
        kept: list[int] = []
        for token_id, score in zip(token_ids, scored, strict=True):
            if len(kept) == left:
                break
            kept.append(token_id)
            self.choosing.push(token_id)
            self._unread.append((token_id, score))
            if token_id in self._ends:
                self.finish = "stop"
                self._stopped_by = None if token_id in self._eos_ids else token_id
                break
        if self.masks is not None and self.masks.accept(kept):
            self.finish = "stop"
        if self.finish is None and len(kept) == left:
            self.finish = "length"
        return kept

    def draft(self, most: int) -> None:
        """Propose up to `most` tokens to its sequence."""
        sequence = self.sequence
        drafts, sequence.draft_kind = self.drafter.propose(sequence.token_ids, most)
        if drafts and self.masks is not None:
            del drafts[self.masks.allowed(drafts) :]
        sequence.draft_ids = drafts

    @property
    def looks_for_stops(self) -> bool:
        """Whether its text may end it, so that it must be read as it comes."""
        return bool(self._sampling.stop)

    def read(self) -> None:
        """Turn the tokens taken since the last call into text; a stop string in it ends the choice."""
        if self._read_whole:
            return
        for token_id, score in self._unread:
            self.num_tokens += 1
            self._token_ids.append(token_id)
            if score is not None:
                self.logprob += score.logprob
            if token_id in self._ends and not self._sampling.include_stop:
                break
            if self._sampling.logprobs is not None and score is not None:
                self._logprobs.append(token_logprob(self._tokenizer, token_id, score))
            if self._hear(self._detokenizer.feed(token_id)):
                break
        self._unread.clear()
        if self.finish is not None:
            self._read_whole = True
            if not isinstance(self._stopped_by, str) and not self._hear(self._detokenizer.finish()):
                self._text.append(self._stops.finish())

    def delta(self) -> Delta | None:
        """What was read and not told yet; None where that is no text and not the end."""
        text = "".join(self._text)
        if self._told_whole or (not text and self.finish is None):
            return None
        self._told_whole = self.finish is not None
        told = Delta(
            index=self.index,
            text=text,
            token_ids=tuple(self._token_ids),
            logprobs=tuple(self._logprobs),
            finish=self.finish,
            stopped_by=self._stopped_by,
        )
        self._text, self._token_ids, self._logprobs = [], [], []
        return told

    def _hear(self, piece: str) -> bool:
        """More text; whether a stop string ends it."""
        if not piece:
            return False
        found = self._stops.feed(piece)
        if found.text:
            self._text.append(found.text)
        if found.stop is None:
            return False
        self.finish, self._stopped_by = "stop", found.stop
        return True


def token_logprob(tokenizer: Tokenizer, token_id: int, scored: Scored | None) -> TokenLogprob:
    """A token as callers are told of it; without a score the first of a prompt."""
    if scored is None:
        return TokenLogprob(token_id, tokenizer.token_text(token_id), tokenizer.token_bytes(token_id), None)
    top = tuple(
        TokenLogprob(other, tokenizer.token_text(other), tokenizer.token_bytes(other), logprob)
        for other, logprob in scored.top
    )
    return TokenLogprob(token_id, tokenizer.token_text(token_id), tokenizer.token_bytes(token_id), scored.logprob, top)
