"""What the numbers, stop strings and token ids of a request to a language model may be, in every dialect."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from headrace.errors import InvalidRequest
from headrace.generation import (
    MAX_ALLOWED_TOKENS,
    MAX_BAD_CHARACTERS,
    MAX_BAD_WORDS,
    MAX_STOP_CHARACTERS,
    MAX_STOPS,
)
from headrace.numerals import numeral

MAX_BIASES = 1024
MAX_LOGPROBS = 20
MIN_REPETITION, MAX_REPETITION = 0.01, 100.0
_INTEGER = 1 << 63

N = TypeVar("N", int, float)
T = TypeVar("T")


def or_unset(value: T | None, unset: T) -> T:
    """What a request says, or what holds where it leaves that out."""
    return unset if value is None else value


def in_range(value: N | None, where: str, low: float, high: float = math.inf) -> N | None:
    """The value, where it is None or from low to high. Raises InvalidRequest with what would be right."""
    if value is not None and not (low <= value <= high and value != math.inf):
        bounds = (
            f"from {numeral(low, 6)} to {numeral(high, 6)}" if math.isfinite(high) else f"{numeral(low, 6)} or more"
        )
        said = f", not {value:g}" if isinstance(value, float) or abs(value) < _INTEGER else ""
        raise InvalidRequest(f"must be {bounds}{said}", where)
    if isinstance(value, int):
        check_integer(value, where)  # no message to a worker has room for more
    return value


def check_repetition(penalty: float | None, unset: float, where: str = "repetition_penalty") -> float:
    """What logits of tokens that were there before are divided by; `unset` where it is None. Raises InvalidRequest."""
    return or_unset(in_range(penalty, where, MIN_REPETITION, MAX_REPETITION), unset)


def check_stops(stop: str | Sequence[str] | None, where: str = "stop") -> tuple[str, ...]:
    """Stop strings as a tuple. Raises InvalidRequest where there are too many, or one is empty or too long."""
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MAX_STOPS:
        raise InvalidRequest(f"at most {MAX_STOPS} stop strings are taken, not {len(stops)}", where)
    for i, each in enumerate(stops):
        if not 1 <= len(each) <= MAX_STOP_CHARACTERS:
            path = where if isinstance(stop, str) else f"{where}[{i}]"
            raise InvalidRequest(f"must have 1 to {MAX_STOP_CHARACTERS} characters, not {len(each)}", path)
    return stops


def check_token_ids(ids: Sequence[int], vocabulary: int, where: str) -> tuple[int, ...]:
    """Token ids as a tuple. Raises InvalidRequest for one outside the vocabulary."""
    if ids and not (min(ids) >= 0 and max(ids) < vocabulary):
        i, wrong = next((i, each) for i, each in enumerate(ids) if not 0 <= each < vocabulary)
        raise InvalidRequest(f"token {wrong} is outside the vocabulary of {vocabulary}", f"{where}[{i}]")
    return tuple(ids)


def check_allowed(
    ids: Sequence[int] | None, vocabulary: int, where: str = "allowed_token_ids"
) -> tuple[int, ...] | None:
    """The only tokens that may come; None: all. Raises InvalidRequest for none, too many, or one that is no token."""
    if ids is not None and not 1 <= len(ids) <= MAX_ALLOWED_TOKENS:
        raise InvalidRequest(f"must be 1 to {MAX_ALLOWED_TOKENS} tokens, not {len(ids)}; or leave it out", where)
    return None if ids is None else check_token_ids(ids, vocabulary, where)


def check_bad_words(words: Sequence[str] | None, where: str = "bad_words") -> tuple[str, ...]:
    """Words that must not come. Raises InvalidRequest where they are too many or too long together, or one is empty."""
    words = words or ()
    if len(words) > MAX_BAD_WORDS:
        raise InvalidRequest(f"at most {MAX_BAD_WORDS} words are taken, not {len(words)}", where)
    if (characters := sum(map(len, words))) > MAX_BAD_CHARACTERS:
        raise InvalidRequest(f"must have at most {MAX_BAD_CHARACTERS} characters together, not {characters}", where)
    for i, word in enumerate(words):
        if not word.strip():
            raise InvalidRequest("must have more than white space", f"{where}[{i}]")
    return tuple(words)


def check_biases(biases: Mapping[str, float] | None, vocabulary: int, where: str = "logit_bias") -> dict[int, float]:
    """Biases by token id, from -100 to 100. Raises InvalidRequest for one outside the vocabulary or the range."""
    biases = biases or {}
    if len(biases) > MAX_BIASES:
        raise InvalidRequest(f"at most {MAX_BIASES} tokens can have a bias, not {len(biases)}", where)
    checked = {}
    for key, bias in biases.items():
        if not (key.isascii() and key.isdigit() and len(key) < 12 and int(key) < vocabulary):
            raise InvalidRequest(f"token {key[:40]!r} is outside the vocabulary of {vocabulary}", where)
        checked[int(key)] = in_range(bias, f"{where}.{key}", -100, 100) or 0.0
    return checked


def check_integer(value: int | None, where: str) -> int | None:
    """An integer of 64 bits with sign. Raises InvalidRequest for another."""
    if value is not None and not -_INTEGER <= value < _INTEGER:
        raise InvalidRequest("must be an integer of 64 bits", where)
    return value
