"""Requests for tensor models, encoded ahead of time: a few different ones for each size that comes up."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from headrace.arrivals import Arrival
from headrace.bench.tensors import make_inputs
from headrace.bench.wire import Outgoing
from headrace.types import FREE, Tensor, TensorSpec

DEFAULT_LENGTH = 16
VARIANTS = 8
KEPT_BYTES = 256 << 20

Encode = Callable[[Sequence[Tensor], str], tuple[bytes, bytes]]
"""Tensors and a tenant -> head and body of a request."""


class InferSource:
    """Makes requests, or repeats one where inputs are given. What it made it keeps, within bounds."""

    def __init__(
        self, specs: Sequence[TensorSpec], encode: Encode, *, tenant: str, seed: int, given: Sequence[Tensor] = ()
    ) -> None:
        self._specs = specs
        self._encode = encode
        self._tenant = tenant
        self._given = given
        self._random = np.random.default_rng([seed, 2])
        self._kept: dict[tuple[int, int, str], list[Outgoing]] = {}
        self._room = KEPT_BYTES
        self._turn = 0

    def prepare(self, arrivals: Iterable[Arrival]) -> None:
        """Encode now what these will ask for, so that nothing is encoded when it is due."""
        for rows, length, tenant in {(each.rows, each.length, each.tenant) for each in arrivals}:
            self._of_size(rows, length, tenant)

    def make(self, arrival: Arrival) -> Outgoing:
        """One of those of this size, in turn."""
        kept = self._of_size(arrival.rows, arrival.length, arrival.tenant)
        self._turn += 1
        return kept[self._turn % len(kept)]

    def _of_size(self, rows: int, length: int, tenant: str) -> list[Outgoing]:
        key = rows, length, tenant or self._tenant
        if (kept := self._kept.get(key)) is None:
            kept = self._kept[key] = self._made(*key)
        return kept

    def _made(self, rows: int, length: int, tenant: str) -> list[Outgoing]:
        if self._given:
            first = self._given[0].shape
            free = any(spec.shape[:1] == (FREE,) for spec in self._specs if spec.name == self._given[0].name)
            return [Outgoing(*self._encode(self._given, tenant), first[0] if first and free else 1, length, tenant)]
        made: list[Outgoing] = []
        while len(made) < VARIANTS and (self._room > 0 or not made):
            tensors = make_inputs(self._specs, rows, length or DEFAULT_LENGTH, self._random)
            one = Outgoing(*self._encode(tensors, tenant), rows, length, tenant)
            made.append(one)
            self._room -= len(one.head) + len(one.body)
        return made
