"""What is asked of an encoder as texts that it reads, and its rows as the answer. Pure."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import ContextLengthExceeded, InvalidRequest
from headrace.generation import Embed, Embedded, Score, Scored
from headrace.llm.known_tokens import check_encoded
from headrace.llm.tokenizer import Tokenizer


class Text(msgspec.Struct, frozen=True):
    """One text, or a pair of them, as an encoder reads it."""

    token_ids: Sequence[int]
    types: Sequence[int] = ()  # of each token: which of a pair's texts it is of; empty: all of the first


class Reading(msgspec.Struct, frozen=True):
    """What an encoder can read, and what its rows are."""

    tokenizer: Tokenizer
    vocabulary: int
    max_tokens: int
    width: int
    scores: bool = False  # a cross-encoder: rows are scores of pairs; otherwise they are vectors


def texts_of(ask: Embed | Score, reading: Reading) -> list[Text]:
    """The texts that must be read for an answer. Raises InvalidRequest that names the field at fault."""
    if isinstance(ask, Score) and reading.scores:
        return _pairs(ask, reading)
    if isinstance(ask, Score):
        places = [f"{ask.where}[{index}]" for index in range(len(ask.texts))]
        query = _singles((ask.query,), ("query",), False, reading)
        return query + _singles(ask.texts, places, ask.truncate, reading, ask.max_text_tokens)
    if reading.scores:
        raise InvalidRequest("this model scores pairs of texts; it gives no vectors", "model")
    if ask.dimensions is not None and not 1 <= ask.dimensions <= reading.width:
        raise InvalidRequest(f"must be 1 to {reading.width}, the length of the model's vectors", "dimensions")
    places = [f"{ask.where}[{index}]" if ask.listed else ask.where for index in range(len(ask.inputs))]
    return _singles(ask.inputs, places, ask.truncate, reading)


def answer(ask: Embed | Score, texts: Sequence[Text], rows: NDArray[np.float32], reading: Reading) -> Embedded | Scored:
    """The answer from the rows [texts, width]."""
    num_tokens = sum(len(text.token_ids) for text in texts)
    if isinstance(ask, Embed):
        kept = rows[:, : ask.dimensions]
        vectors = _unit(kept) if ask.normalize else kept
        return Embedded(vectors.astype("<f4").tobytes(), kept.shape[1], num_tokens)
    if reading.scores:
        scores = 1.0 / (1.0 + np.exp(-rows[:, 0].astype(np.float64)))
        return Scored(tuple(scores.tolist()), num_tokens, "cross-encoder")
    unit = _unit(rows)
    return Scored(tuple((unit[1:] @ unit[0]).tolist()), num_tokens, "cosine")


def _pairs(ask: Score, reading: Reading) -> list[Text]:
    texts = []
    limit = reading.max_tokens if ask.truncate else None
    _check_room(len(reading.tokenizer.encode_pair(ask.query, "").token_ids), reading)
    for index, text in enumerate(ask.texts):
        pair = reading.tokenizer.encode_pair(ask.query, text, limit, ask.max_text_tokens)
        _check_length(len(pair.token_ids), reading, f"{ask.where}[{index}]")
        check_encoded(pair.token_ids, reading.tokenizer, reading.vocabulary, f"{ask.where}[{index}]")
        texts.append(Text(pair.token_ids, pair.types))
    return texts


def _singles(
    inputs: Sequence[str | Sequence[int]],
    places: Sequence[str],
    truncate: bool,
    reading: Reading,
    own_tokens: int | None = None,
) -> list[Text]:
    """Each input alone; `places` are the fields that they came in. Of a text at most so many of its own are read."""
    limit = reading.max_tokens if truncate else None
    if own_tokens is not None:
        most = own_tokens + reading.tokenizer.library.num_special_tokens_to_add(False)
        limit = most if limit is None else min(limit, most)
    words = [each for each in inputs if isinstance(each, str)]
    encoded = iter(reading.tokenizer.encode_many(words, limit=limit))
    texts = []
    for each, where in zip(inputs, places, strict=True):
        token_ids = next(encoded) if isinstance(each, str) else _checked(each, reading, where)[:limit]
        check_encoded(token_ids, reading.tokenizer, reading.vocabulary, where)
        _check_length(len(token_ids), reading, where)
        texts.append(Text(token_ids))
    return texts


def _checked(token_ids: Sequence[int], reading: Reading, where: str) -> Sequence[int]:
    for place, token_id in enumerate(token_ids):
        if not 0 <= token_id < reading.vocabulary:
            known = f"they are 0 to {reading.vocabulary - 1}"
            raise InvalidRequest(f"{token_id} is no token of the model: {known}", f"{where}[{place}]")
    return token_ids


def _check_length(length: int, reading: Reading, where: str) -> None:
    if not length:
        raise InvalidRequest("has no tokens: at least one is needed", where)
    if length > reading.max_tokens:
        raise ContextLengthExceeded(
            f"has {length} tokens; this model's maximum context length is {reading.max_tokens} tokens", where
        )


def _check_room(length: int, reading: Reading) -> None:
    """Raises ContextLengthExceeded for a query beside which no token of a text could be read."""
    if length >= reading.max_tokens:
        raise ContextLengthExceeded(
            f"has {length} tokens; this model's maximum context length is {reading.max_tokens} tokens, with at least "
            "one of the text that is scored",
            "query",
        )


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row at length 1; one of zeros stays."""
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
