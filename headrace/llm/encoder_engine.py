"""An encoder that answers many requests at once: in each step it reads one batch of texts, whosever they are."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, islice, zip_longest

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import InvalidRequest, Unavailable
from headrace.generation import Ask, Detokenize, Embed, Generate, LanguageFacts, Score, StepFacts, Tokenize
from headrace.llm.encoder_batches import batches, first_that_fit
from headrace.llm.encoder_texts import Reading, Text, answer, texts_of
from headrace.llm.engine_protocol import Answered, Told
from headrace.llm.preparing import QUICK_CHARACTERS, Preparing
from headrace.llm.reception import Reception
from headrace.llm.terms import UNSAID, Terms
from headrace.runtimes.language import TextBatch, TextEncoder

WINDOW = 64  # texts among which those of like length are looked for


class _Work(msgspec.Struct):
    """A request whose texts are being read."""

    ask: Embed | Score
    texts: Sequence[Text]
    rows: NDArray[np.float32]  # [texts, width]
    unread: deque[int]  # places of texts that no batch has taken yet
    left: int  # texts without a row


class EncoderEngine:
    """Implements `engine_protocol.Engine` over one TextEncoder, which it closes."""

    def __init__(
        self,
        model: TextEncoder,
        preparing: Preparing,
        facts: LanguageFacts,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.facts = facts
        self._model = model
        self._preparing = preparing
        scores = "embed" not in facts.tasks
        self._reading = Reading(preparing.tokenizer, model.vocabulary, model.max_tokens, model.width, scores)
        self._now_ns = now_ns
        self._reception = Reception()
        self._works: dict[int, _Work] = {}  # by number, in the order of their turns
        self._counts = StepFacts()

    @property
    def busy(self) -> bool:
        return bool(self._works or self._reception.has_news)

    def add(self, number: int, ask: Ask, terms: Terms = UNSAID, told: Sequence[Told] = ()) -> None:
        preparing, reception = self._preparing, self._reception
        if isinstance(ask, Embed | Score):
            begin = partial(self._begin, number, ask)
            reception.read(number, lambda: texts_of(ask, self._reading), begin, now=_is_quick(ask))
        elif isinstance(ask, Tokenize):
            job = partial(preparing.tokenized, ask)
            reception.read(number, job, partial(reception.answer, number), now=preparing.is_quick(ask))
        elif isinstance(ask, Detokenize):
            reception.read(number, lambda: preparing.detokenized(ask), partial(reception.answer, number), now=True)
        else:
            assert isinstance(ask, Generate)
            gives = "vectors of texts" if "embed" in self.facts.tasks else "scores of pairs of texts"
            reception.refuse(number, InvalidRequest(f"this model gives {gives}; it continues none", "model"))

    def abort(self, number: int) -> None:
        known = self._reception.drop(number)
        known = self._works.pop(number, None) is not None or known
        self._count(aborted=int(known))

    def step(self) -> list[Answered]:
        self._reception.pick_up()
        if self._works:
            self._read_together(self._next_batch())
        return self._reception.collect()

    def rest(self) -> bool:
        return False

    def counts(self) -> StepFacts:
        waiting = len(self._works) + len(self._reception)
        found = msgspec.structs.replace(self._counts, running=0, waiting=waiting)
        self._counts = StepFacts()
        return found

    def close(self) -> None:
        self._reception.close()
        self._model.close()

    def _begin(self, number: int, ask: Embed | Score, texts: list[Text]) -> None:
        rows = np.empty((len(texts), self._model.width), np.float32)
        work = _Work(ask, texts, rows, deque(range(len(texts))), len(texts))
        if not texts:
            self._reception.answer(number, answer(ask, texts, rows, self._reading))
            return
        self._works[number] = work

    def _next_batch(self) -> list[tuple[int, int]]:
        """Request and place of the text whose turn it is, and of those that are best read with it."""
        window = self._window()
        lengths = [len(self._text(each).token_ids) for each in window]
        if self._model.padded:
            (batch,) = [batch for batch in batches(lengths) if 0 in batch]
        else:
            batch = list(range(first_that_fit(lengths)))
        taken = [window[index] for index in batch]
        for number, place in taken:
            self._works[number].unread.remove(place)
        first = window[0][0]
        self._works[first] = self._works.pop(first)  # it comes last now
        return taken

    def _window(self) -> list[tuple[int, int]]:
        """A text of each request in turn, then a second, ...: one of few texts does not wait for one of thousands."""
        first = islice(self._works.items(), WINDOW)  # more have no place in it
        waiting = [(number, list(islice(work.unread, WINDOW))) for number, work in first]
        rounds = zip_longest(*([(number, place) for place in places] for number, places in waiting))
        return list(islice((each for turn in rounds for each in turn if each is not None), WINDOW))

    def _read_together(self, batch: list[tuple[int, int]]) -> None:
        """Compute the rows of these texts; answer requests of which none is left."""
        texts = [self._text(each) for each in batch]
        started_ns = self._now_ns()
        try:
            rows = self._model.encode(laid(texts))
        except Unavailable as error:
            for number in {number for number, _ in batch}:
                self.abort(number)
                self._reception.refuse(number, error)
            return
        for (number, place), row in zip(batch, rows, strict=True):
            work = self._works[number]
            work.rows[place] = row
            work.left -= 1
            if not work.left:
                del self._works[number]
                self._reception.answer(number, answer(work.ask, work.texts, work.rows, self._reading))
        seconds = (self._now_ns() - started_ns) / 1e9
        self._count(seconds, prompt_tokens=sum(len(text.token_ids) for text in texts))
        computed = Counter(dict(self._counts.computed))
        for (number, _), text in zip(batch, texts, strict=True):
            computed[number] += len(text.token_ids)
        self._counts = msgspec.structs.replace(self._counts, computed=tuple(computed.items()))

    def _text(self, place: tuple[int, int]) -> Text:
        return self._works[place[0]].texts[place[1]]

    def _count(self, seconds: float = 0.0, **more: int) -> None:
        counted = {name: getattr(self._counts, name) + number for name, number in more.items()}
        self._counts = msgspec.structs.replace(self._counts, seconds=self._counts.seconds + seconds, **counted)


def laid(texts: Sequence[Text]) -> TextBatch:
    """These as a batch."""
    lengths = np.array([len(text.token_ids) for text in texts], np.int64)
    ids = np.fromiter(chain.from_iterable(text.token_ids for text in texts), np.int64, lengths.sum())
    types = np.zeros_like(ids)
    for begin, text in zip(np.cumsum(lengths) - lengths, texts, strict=True):
        if text.types:
            types[begin : begin + len(text.types)] = text.types
    return TextBatch(ids, lengths, types)


def _is_quick(ask: Embed | Score) -> bool:
    texts = ask.inputs if isinstance(ask, Embed) else (ask.query, *ask.texts)
    return sum(map(len, texts)) <= QUICK_CHARACTERS
