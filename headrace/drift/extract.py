"""Tensors of many requests -> one row of numbers for each of theirs."""

import math
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, split_bytes
from headrace.drift.features import (
    OF_CLASSES,
    OF_TEXT,
    OF_TOKENS,
    PROJECTIONS,
    SUMMARY,
    Part,
    position_names,
)
from headrace.types import Buffer, Tensor

Rows = NDArray[np.float64]

LOOKED_AT = 1024
"""Elements of a row that are looked at, evenly spaced, where it has more."""

VALUES = 100
"""Different values of a text that are told apart; of more none is."""

TOKENS = 1 << 18
"""Token ids that are told apart."""

KNOWN_AFTER = 0.25
"""Share of the reference whose tokens are the known ones; the rest shows how many others are usual."""

SEED = 17


class Extract:
    """The numbers of one part. It knows which texts and tokens it has met: what it learns is of its reference."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._learning_values = self._learning_tokens = True  # what comes now is known later
        self.values: dict[bytes, int] = {}
        self.many_values = False
        self._tokens = np.zeros(TOKENS, bool) if part.kind == "tokens" else np.zeros(0, bool)
        full = _every_name(part)
        self._columns = [full.index(name) for name in part.names]

    def rows(self, tensors: Sequence[Tensor | None], counts: Sequence[int]) -> Rows:
        """A row for each of the requests' rows, of which each has so many; NaN where it lacks the tensor."""
        total = sum(counts)
        found = np.full((total, len(self._columns)), np.nan)
        for at, group in _groups(self.part, tensors, counts):
            of = self._of(group, total if isinstance(at, slice) else len(at))
            found[at] = of if len(self._columns) == of.shape[1] else of[:, self._columns]
        return found

    def known(self) -> tuple[tuple[bytes, ...], bytes]:
        """The texts and tokens that it knows, to be kept."""
        return tuple(self.values), np.packbits(self._tokens).tobytes()

    def know(self, values: Sequence[bytes], tokens: bytes) -> None:
        """Know those that another one knew at the end of its reference. Raises ValueError for tokens that are none."""
        bits = np.unpackbits(np.frombuffer(tokens, np.uint8)).astype(bool)
        if len(bits) != len(self._tokens):
            raise ValueError(f"{len(bits)} tokens where {len(self._tokens)} should be")
        self.values = {text: number for number, text in enumerate(values[:VALUES])}
        self._tokens = bits
        self.advance(1.0)

    def advance(self, share: float) -> None:
        """So much of the reference has been met: a quarter says which tokens are known, the whole which texts."""
        self._learning_tokens &= share < KNOWN_AFTER
        self._learning_values &= share < 1

    @np.errstate(all="ignore")  # what clients send may be beyond any number: then so is what is made of it
    def _of(self, group: Sequence[Tensor], count: int) -> Rows:
        if self.part.kind == "text":
            return self._text(group, count)
        if self.part.kind == "summary" and (length := _length(group, count)) > LOOKED_AT:
            return self._summary(_looked_at(self.part.datatype, group, length), length)
        data = group[0].data if len(group) == 1 else b"".join(tensor.data for tensor in group)
        values = _array(self.part.datatype, data).reshape(count, -1)
        if self.part.kind == "positions":
            return values.astype(np.float64)
        if self.part.kind == "classes":
            return _classes(values.astype(np.float64))
        if self.part.kind == "tokens":
            return self._token_rows(values)
        return self._summary(values.astype(np.float32, copy=False), values.shape[1])

    def _summary(self, looked: NDArray[np.float32], length: int) -> Rows:
        """Of as much of each row as is looked at; `length` is of the whole row."""
        if not length:
            return np.full((len(looked), len(SUMMARY) + PROJECTIONS), np.nan)
        missing_share = np.zeros(len(looked))
        mean = looked.mean(1)
        if not np.isfinite(mean).all():
            missing = ~np.isfinite(looked)
            missing_share = missing.mean(1)
            looked = np.where(missing, np.nan, looked)
            some = np.where(missing_share[:, None] < 1, looked, 0.0)
            looked = np.where(missing, np.nanmean(some, 1, keepdims=True), looked)
            mean = looked.mean(1)
        width = looked.shape[1]
        apart = looked - mean[:, None]
        deviation = np.sqrt(np.vecdot(apart, apart) / width)
        zeros = (looked == 0).view(np.uint8).sum(1, dtype=np.uint32) / width
        projections = looked @ _signs()[:width] / math.sqrt(width)
        sums = (mean, deviation, looked.min(1), looked.max(1), zeros, missing_share)
        return np.column_stack([*sums, np.full(len(looked), length), projections]).astype(np.float64)

    def _token_rows(self, values: NDArray[np.generic]) -> Rows:
        """Each row's projections are those of how often it has each token."""
        ids = values.astype(np.int64) % TOKENS
        length = ids.shape[1]
        if self._learning_tokens:
            self._tokens[ids.ravel()] = True
            unknown = np.full(len(ids), np.nan)
        else:
            unknown = 1 - self._tokens[ids].mean(1) if length else np.zeros(len(ids))
        projections = _signs()[ids % LOOKED_AT].sum(1) / math.sqrt(max(length, 1))
        return np.column_stack([np.full(len(ids), float(length)), unknown, projections])

    def _text(self, group: Sequence[Tensor], count: int) -> Rows:
        """Each row's projections are those of how often it has each byte."""
        found = np.full((count, len(OF_TEXT) + PROJECTIONS), np.nan)
        elements = [element for tensor in group for element in split_bytes(tensor.data)]
        width = len(elements) // count if count else 0
        if not width:
            return found
        for i in range(count):
            row = elements[i * width : (i + 1) * width]
            joined = b"".join(row)
            found[i, 0] = len(joined)
            found[i, 1] = self._value(row[0]) if width == 1 else np.nan
            counts = np.bincount(np.frombuffer(joined[:LOOKED_AT], np.uint8), minlength=256)
            found[i, 2:] = counts @ _signs()[:256] / math.sqrt(max(min(len(joined), LOOKED_AT), 1))
        return found

    def _value(self, text: bytes) -> float:
        """Its number among those met; all that come late share one."""
        if self.many_values:
            return math.nan
        number = self.values.get(text)
        if number is not None:
            return float(number)
        if not self._learning_values:
            return float(VALUES)
        if len(self.values) >= VALUES or len(text) > LOOKED_AT:
            self.many_values = True
            return math.nan
        self.values[text] = len(self.values)
        return float(len(self.values) - 1)


def _every_name(part: Part) -> list[str]:
    """The names of all columns that a part's kind makes."""
    projections = [f"{part.tensor}~{k}" for k in range(PROJECTIONS)]
    if part.kind == "positions":
        return list(position_names(part.tensor, part.row))
    if part.kind == "classes":
        return [f"{part.tensor}.{what}" for what in OF_CLASSES]
    what_else = {"summary": SUMMARY, "tokens": OF_TOKENS, "text": OF_TEXT}[part.kind]
    return [*(f"{part.tensor}.{what}" for what in what_else), *projections]


def _groups(
    part: Part, tensors: Sequence[Tensor | None], counts: Sequence[int]
) -> Iterator[tuple[NDArray[np.intp] | slice, list[Tensor]]]:
    """Tensors of one size a row together, and which rows theirs are. One that does not fit its part is left out."""
    first = tensors[0] if tensors else None
    alike = first is not None and all(each is not None and each.shape == first.shape for each in tensors)
    if alike and first is not None and _fits(part, first, counts[0]) and counts.count(counts[0]) == len(counts):
        yield slice(0, sum(counts)), [each for each in tensors if each is not None]
        return
    by_size: dict[int, list[tuple[int, int, Tensor]]] = {}
    start = 0
    for tensor, count in zip(tensors, counts, strict=True):
        if tensor is not None and _fits(part, tensor, count):
            by_size.setdefault(math.prod(tensor.shape) // count, []).append((start, count, tensor))
        start += count
    for members in by_size.values():
        at = np.concatenate([np.arange(start, start + count) for start, count, _ in members])
        yield at, [tensor for _, _, tensor in members]


def _fits(part: Part, tensor: Tensor, count: int) -> bool:
    elements = math.prod(tensor.shape)
    if not count or elements % count or tensor.datatype != part.datatype:
        return False
    return part.kind not in ("positions", "classes") or elements == count * math.prod(part.row)


def _array(datatype: str, data: Buffer) -> NDArray[np.generic]:
    values = np.frombuffer(data, DATATYPES[datatype])
    if datatype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values


def _classes(scores: Rows) -> Rows:
    """Class, its probability, and the entropy in nats; scores that add up to 1 are taken for probabilities."""
    probable = scores
    if not ((scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-3)):
        powers = np.exp(scores - scores.max(1, keepdims=True))
        probable = powers / powers.sum(1, keepdims=True)
    entropy = -(probable * np.log(np.maximum(probable, 1e-300))).sum(1)
    top = probable.argmax(1)
    found = np.column_stack([top, probable[np.arange(len(top)), top], entropy])
    found[np.isnan(scores).any(1)] = np.nan
    return found


def _length(group: Sequence[Tensor], count: int) -> int:
    """Elements of a row of tensors that have so many rows together."""
    return sum(math.prod(tensor.shape) for tensor in group) // count


def _looked_at(datatype: str, group: Sequence[Tensor], length: int) -> NDArray[np.float32]:
    """Evenly spaced elements of each row: of long ones the rest is not even copied."""
    step, rest = divmod(length, LOOKED_AT)
    spaced = slice(0, length, step) if not rest else (np.arange(LOOKED_AT) * length) // LOOKED_AT
    rows = [_array(datatype, tensor.data).reshape(-1, length) for tensor in group]
    few = [each[:, spaced] if isinstance(spaced, slice) else each.take(spaced, 1) for each in rows]
    return np.concatenate(few).astype(np.float32, copy=False)


@cache
def _signs() -> NDArray[np.float32]:
    """The directions of the projections: the same in every process, so that references can be kept."""
    bits = np.random.default_rng(SEED).integers(0, 2, (LOOKED_AT, PROJECTIONS))
    return (bits * 2 - 1).astype(np.float32)
