"""Which tokens a grammar allows next: a grammar is compiled once, and each sequence has a matcher of its own.

The compiler and the automata are llguidance's; what it would not enforce is refused before (`grammar_schema.py`), and
so is what would cost it too much (`grammar_source.py`).
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import llguidance
import numpy as np
from numpy.typing import NDArray

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar_source import compiled_source

_JSON = llguidance.LLParserLimits(verbose_errors=False, max_items_in_row=20_000, step_max_items=250_000)
"""Four items in a row for each optional property; a key that may be any of 2,000 takes 150,000 in one mask, 50 ms."""

_OTHER = llguidance.LLParserLimits(verbose_errors=False, max_items_in_row=1_000, step_max_items=25_000)
"""Ambiguous rules take time quadratic in the items of a row: 1,000 are about 100 ms, and 25,000 in one mask 50 ms.

The grammars of llama.cpp take up to 50 and 1,000, 400 alternatives with a pattern behind each 400 and 15,000.
"""

_SLOW_S = 0.02
"""Of a mask, for which all others' tokens wait: those that take longer are counted, and one is computed in a step."""

_MOST_SLOW_S = 1.0
"""That the slow masks of one request may take: what is ambiguous enough has every mask as slow."""

_BOUNDED = ("json_schema", "json_object")
"""Kinds that cannot be ambiguous: a mask of theirs takes what its keys take."""

_AHEAD_BYTES = 256
"""Of text that must come, spelt ahead: for every mask the library has the whole rest of it spelt, however long."""


class Grammars:
    """Compiles the grammars of one model and keeps those used last. Safe to use from several threads."""

    def __init__(
        self,
        tokens: Sequence[bytes],
        special_ids: frozenset[int],
        eos_ids: Sequence[int],
        encode: Callable[[str], Sequence[int]] | None = None,
        capacity: int = 64,
        cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """`tokens`: the bytes of every id of the model's vocabulary, empty for an id that stands for nothing.

        `eos_ids`: those that end a text, at least one. `encode` spells text as the model is used to, without special
        tokens; without it forced text is spelt by the longest tokens. `cpu_s` is what the calling thread has computed.
        """
        self.vocabulary = len(tokens)
        self.words = -(-len(tokens) // 32)
        """Of a mask: int32 values, the lowest bit of the first being token 0."""
        wrapped = llguidance.TokenizerWrapper(_Vocabulary(tokens, special_ids, eos_ids[0], encode))
        self._library = llguidance.LLTokenizer(wrapped, eos_token=list(eos_ids))
        self._eos_ids = frozenset(eos_ids)
        self._capacity = capacity
        self._cpu_s = cpu_s
        self._kept: OrderedDict[tuple[str, str], llguidance.LLMatcher] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, grammar: Grammar) -> "Matcher":
        """A matcher at the beginning of a text.

        The first of a grammar may take long (up to about a second), without the interpreter for the most part: not for
        the thread that steps. Raises InvalidRequest, with the grammar's `where`, for what is no grammar, allows no text
        at all, asks for what cannot be enforced, or is too large.
        """
        key = grammar.kind, grammar.source
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        if found is None:
            found = self._compiled(grammar)
            with self._lock:
                self._kept[key] = found
                if len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
        most_slow_s = math.inf if grammar.kind in _BOUNDED else _MOST_SLOW_S
        return Matcher(found.deep_copy(), self._eos_ids, self.words, grammar.where, _Pace(self._cpu_s, most_slow_s))

    def _compiled(self, grammar: Grammar) -> "llguidance.LLMatcher":
        source = compiled_source(grammar)
        limits = _JSON if grammar.kind in _BOUNDED else _OTHER
        library = llguidance.LLMatcher(self._library, source, log_level=0, limits=limits)
        if not library.is_error():
            mask = np.zeros(self.words, np.int32)  # the first mask may take longest, and finds what allows nothing
            library.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        if library.is_error():
            raise InvalidRequest(_reason(library.get_error()), grammar.where)
        if library.is_stopped() and not library.is_accepting():
            raise InvalidRequest("no text at all satisfies it", grammar.where)
        return library


def _reason(error: str) -> str:
    """What the library says, without its state."""
    head = error.partition("<state>")[0].partition("<non-verbose/>")[0].strip()
    if "oneOf" in head:
        return "oneOf cannot be enforced where two of its schemas may hold at once; anyOf can"
    if head.startswith("NoExtension"):
        return "no text at all satisfies it"
    return f"cannot be followed: {head[:400]}"


class _Vocabulary:
    """The vocabulary in the form that the library asks for."""

    bos_token_id = None

    def __init__(
        self,
        tokens: Sequence[bytes],
        special_ids: frozenset[int],
        eos_id: int,
        encode: Callable[[str], Sequence[int]] | None,
    ) -> None:
        self.tokens = list(tokens)
        self.special_token_ids = sorted(special_ids)
        self.eos_token_id = eos_id
        self._encode = encode
        self._longest = {token: index for index, token in enumerate(tokens) if token and index not in special_ids}
        self._length = max(map(len, self._longest), default=0)

    def __call__(self, text: str | bytes) -> list[int]:
        """Tokens that spell the text, or how it begins."""
        rest, found = (text.encode() if isinstance(text, str) else text)[: max(_AHEAD_BYTES, self._length)], []
        if self._encode is not None:
            return list(self._encode(rest.decode(errors="ignore")))
        while rest:
            length = next((n for n in range(min(self._length, len(rest)), 0, -1) if rest[:n] in self._longest), 0)
            if not length:
                break
            found.append(self._longest[rest[:length]])
            rest = rest[length:]
        return found


class _Pace:
    """What the slow masks of one request took. Shared by its matchers, which one thread uses at a time."""

    def __init__(self, cpu_s: Callable[[], float], most_slow_s: float) -> None:
        self._cpu_s = cpu_s
        self._left_s = most_slow_s
        self._begun_s = 0.0
        self.is_slow = False  # by the last mask

    def begin(self) -> None:
        self._begun_s = self._cpu_s()

    def end(self) -> bool:
        """Whether the mask that was begun may be followed by others."""
        took_s = self._cpu_s() - self._begun_s
        self.is_slow = took_s > _SLOW_S
        if self.is_slow:
            self._left_s -= took_s
        return self._left_s >= 0


class Matcher:
    """Follows one text through its grammar. Belongs to one sequence; used by one thread at a time."""

    def __init__(self, library: Any, eos_ids: frozenset[int], words: int, where: str, pace: _Pace) -> None:
        """`library` belongs to the matcher from now on; `where` the grammar came in."""
        self._library = library
        self._eos_ids = eos_ids
        self._words = words
        self._where = where
        self._pace = pace
        self._past_end = 0  # ends that came when the text was complete: the library does not count them

    def fill(self, row: NDArray[np.int32]) -> None:
        """Write the tokens allowed next into a contiguous row of `Grammars.words` values, a bit each.

        Where the text is complete only its end is allowed. Raises InvalidRequest where the grammar became too costly
        to follow, at once or because masks of this matcher and its copies were slow time and again.
        """
        if row.dtype != np.int32 or row.shape != (self._words,) or not row.flags.c_contiguous:
            raise ValueError(f"a mask is {self._words} int32 values on end, not {row.shape} of {row.dtype}")
        self._pace.begin()
        self._library.unsafe_compute_mask_ptr(row.ctypes.data, row.nbytes)
        self._check()
        if not self._pace.end():
            raise InvalidRequest(
                f"cannot be followed: what may come next took over {_SLOW_S * 1e3:.0f} ms to find, time and again; "
                "rules that allow one text in fewer ways take less",
                self._where,
            )

    def accept(self, token_ids: Sequence[int]) -> int:
        """Advance by the tokens, as far as they are allowed; how many were. Raises InvalidRequest as `fill` does."""
        for count, token_id in enumerate(token_ids):
            if self._past_end or (token_id in self._eos_ids and self._library.is_stopped()):
                if token_id not in self._eos_ids:
                    return count
                self._past_end += 1
            elif not self._library.try_consume_tokens([token_id]):
                self._check()
                return count
        return len(token_ids)

    def allowed(self, token_ids: Sequence[int]) -> int:
        """How many of the tokens, drafts for instance, could be accepted one after another; advances nothing.

        None where masks are slow: each would need one more.
        """
        if self._pace.is_slow:
            return 0
        return int(self._library.validate_tokens(list(token_ids)))

    def rollback(self, num_tokens: int) -> None:
        """Take back the last tokens accepted, drafts that the model refused."""
        past_end = min(num_tokens, self._past_end)
        self._past_end -= past_end
        if num_tokens > past_end and not self._library.rollback(num_tokens - past_end):
            raise ValueError(f"{num_tokens} tokens cannot be taken back: {self._library.get_error()[:200]}")

    def forced(self) -> list[int]:
        """Tokens that spell what must come next, if anything must: good drafts, not the only spelling allowed."""
        return list(self._library.compute_ff_tokens())

    @property
    def may_end(self) -> bool:
        """Whether the text so far satisfies the grammar."""
        return bool(self._library.is_accepting())

    @property
    def is_complete(self) -> bool:
        """Whether the text satisfies the grammar and cannot go on: its end need not be computed."""
        return bool(self._library.is_stopped() and not self._library.is_error())

    def copy(self) -> "Matcher":
        """Another that goes on from here on its own."""
        other = Matcher(self._library.deep_copy(), self._eos_ids, self._words, self._where, self._pace)
        other._past_end = self._past_end
        return other

    def _check(self) -> None:
        if self._library.is_error():
            raise InvalidRequest(_reason(self._library.get_error()), self._where)
