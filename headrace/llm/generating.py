"""A generation under way: what was asked, its choices, and the answers made of them."""

from collections.abc import Sequence

import msgspec

from headrace.generation import Delta, Generate, Generated, Times, TokenLogprob, Usage
from headrace.llm.choice import Choice, token_logprob
from headrace.llm.hidden import hidden_bytes
from headrace.llm.logprobs import Scored
from headrace.llm.tokenizer import Tokenizer


class Generating:
    """One request. Owned by the engine, from the time its prompt was read until its last answer."""

    def __init__(
        self,
        number: int,
        ask: Generate,
        prompt_ids: Sequence[int],
        choices: Sequence[Choice],
        tokenizer: Tokenizer,
        arrived_ns: int,
        *,
        begun: bool = False,
        echo: str = "",
    ) -> None:
        """`begun`: another engine has told the first of it; `echo`: the prompt's text, where answers begin with it."""
        self.number = number
        self.ask = ask
        self.choices = choices
        self.prompt_scores: list[Scored] = []  # of the prompt's tokens but the first, as far as they were computed
        self._prompt_ids = prompt_ids
        self._tokenizer = tokenizer
        self._arrived_ns = arrived_ns
        self._keeps_best = ask.best_of is not None and ask.best_of > ask.n
        self._streams = ask.stream and not self._keeps_best
        self._first = not begun
        self._echo = echo
        self._times = Times()

    @property
    def finished(self) -> bool:
        return all(choice.finish for choice in self.choices)

    @property
    def num_tokens_left(self) -> int:
        """That its choices may still be given."""
        return sum(choice.sequence.num_tokens_left for choice in self.choices if not choice.finish)

    def news(self, now_ns: int) -> Generated | None:
        """What its choices gained, if that is to be told now. The last is told once `finished` is true."""
        if self._first and not self._times.first_token_ns:
            self._note_times(now_ns)
        deltas: list[Delta] = []
        for choice in self.choices:
            if self._streams or choice.must_be_read or choice.finish:
                choice.read()
            if self._streams:
                deltas += choice.deltas()
        if not self._streams:
            if not self.finished:
                return None
            deltas = self._kept()
        if not deltas:
            return None
        return self._generated(deltas, now_ns)

    def _note_times(self, now_ns: int) -> None:
        started_ns = self.choices[0].sequence.started_ns
        queued_ns = max(0, (now_ns if started_ns is None else started_ns) - self._arrived_ns)
        self._times = Times(queued_ns, max(1, now_ns - self._arrived_ns))

    def _pauses(self) -> tuple[tuple[int, int], ...]:
        """Of all its choices, since it arrived."""
        found = [pause for choice in self.choices for pause in choice.sequence.pauses]
        return tuple(sorted([(begun - self._arrived_ns, ended - self._arrived_ns) for begun, ended in found]))

    def _kept(self) -> list[Delta]:
        """All choices, or the n of the highest mean log-probability, the best first."""
        kept: Sequence[Choice] = self.choices
        if self._keeps_best:
            kept = sorted(kept, key=lambda choice: choice.logprob / max(1, choice.num_tokens), reverse=True)
        return [
            msgspec.structs.replace(delta, index=index)
            for index, choice in enumerate(kept[: self.ask.n])
            for delta in choice.deltas()
        ]

    def _generated(self, deltas: Sequence[Delta], now_ns: int) -> Generated:
        usage = Usage(
            len(self._prompt_ids),
            sum([choice.num_tokens for choice in self.choices]),
            min(len(self._prompt_ids), self.choices[0].sequence.num_cached_tokens),
            sum([choice.num_thought_tokens for choice in self.choices]),
        )
        if pauses := self._pauses():
            self._times = msgspec.structs.replace(self._times, pauses=pauses)
        if not self._first:
            return Generated(tuple(deltas), usage, times=self._times)
        self._first = False
        logprobs: tuple[TokenLogprob, ...] = ()
        if self.ask.sampling.prompt_logprobs is not None:
            scores = [None, *self.prompt_scores]
            hidden = hidden_bytes(self._tokenizer, self._prompt_ids, self._echo)
            logprobs = tuple(
                token_logprob(self._tokenizer, token_id, score, lacking)
                for token_id, score, lacking in zip(self._prompt_ids, scores, hidden, strict=True)
            )
        times = msgspec.structs.replace(self._times, told_ns=now_ns - self._arrived_ns)
        return Generated(tuple(deltas), usage, logprobs, tuple(self._prompt_ids), times)
