"""Which requests are looked at: all, up to a rate of rows and shares of a processor; of more, one in so many."""

import math
from collections.abc import Mapping

from headrace.drift.portion import CREDIT_S, EACH, Looked, Portion, most_each
from headrace.types import Request, Response

LARGE = 1 << 14
"""Bytes of a request's tensors that count as one row more: copying them takes time too."""

LARGEST = 16 << 20
"""Bytes of a request that is not looked at: copying them would hold up all others."""

BURST_S = 2.0
"""How long a rate above the most may last before requests are left out for it."""

SHARE = 0.01
"""Of a core's time, that looking at all models may take in the long run."""


class Sampling:
    """Asked of every request, so it does next to nothing; `round` makes it follow the rate, and what looking takes."""

    def __init__(self, max_per_s: float) -> None:
        self.too_many = 0  # requests beyond the rate, or that came while as many waited as may
        self.off: set[str] = set()  # models that are not watched
        self.batched: dict[str, bool] = {}  # whether a model's first dimension is rows, where that is known
        self._portions: dict[str, Portion] = {}  # by model
        self._max_per_s = max_per_s
        self._passed_over = self._too_large = 0  # other requests that were not looked at, by why
        self._asked = 0.0  # rows of all requests in this round, as far as they were counted
        self._left = max_per_s * BURST_S
        self._credit_s = CREDIT_S

    def wants(self, request: Request, response: Response) -> bool:
        """Whether it is to be looked at, as the gateway asks."""
        portion = self._portions.get(request.model.name)
        if portion is None:
            portion = self._portions[request.model.name] = Portion()
        portion.until -= 1
        return portion.until <= 0 and self._takes(portion, request, response)

    def passes(self, model: str, requests: int) -> bool:
        """Whether none of a model's next requests is to be looked at; else each is to be asked for."""
        portion = self._portions.get(model)
        if portion is None or portion.until <= requests:
            return False
        portion.until -= requests
        return True

    def every(self, model: str) -> int:
        """One in so many of a model's requests is looked at."""
        portion = self._portions.get(model)
        return 1 if portion is None else portion.every

    def dropped(self) -> dict[str, int]:
        """Requests that were not looked at, by why: all of it is on purpose."""
        return {"sampled": self._passed_over, "rate": self.too_many, "large": self._too_large}

    def round(self, seconds: float, looked: Mapping[str, Looked]) -> None:
        """So much time has passed since the last round, in which this was looked at, by model."""
        if seconds <= 0:
            return
        for model, its in looked.items():
            if portion := self._portions.get(model):
                portion.spent(its)
        spent_s = sum(its.spent_s for its in looked.values())
        self._credit_s = min(self._credit_s + SHARE * seconds - spent_s, CREDIT_S)
        portions = self._portions.values()
        share = EACH
        if self._credit_s <= 0:
            share = min(EACH, most_each([each.wants(seconds) for each in portions], SHARE))
        least = math.ceil(self._asked / seconds / self._max_per_s)
        for portion in portions:
            portion.round(seconds, share, self._credit_s)
            portion.every = max(portion.every, least)
        most = self._max_per_s * BURST_S
        self._asked = 0.0
        self._left = min(max(self._left, -most) + self._max_per_s * seconds, most)

    def forget(self, model: str) -> None:
        """Of one that is gone."""
        self._portions.pop(model, None)

    def _takes(self, portion: Portion, request: Request, response: Response) -> bool:
        every = portion.until = portion.every
        portion.came += every
        self._passed_over += every - 1
        if not response.outputs or request.model.name in self.off:
            return False
        cost = self._cost(request, response)
        if cost > LARGEST / LARGE:
            self._too_large += 1
            return False
        self._asked += cost * every
        if self._left <= 0 or portion.taken >= portion.most:
            self.too_many += 1
            return False
        self._left -= cost
        portion.taken += 1
        return True

    def _cost(self, request: Request, response: Response) -> float:
        size = 0
        for tensor in request.inputs:
            size += len(tensor.data)
        for tensor in response.outputs:
            size += len(tensor.data)
        first = request.inputs[0].shape if request.inputs and self.batched.get(request.model.name) else ()
        return (first[0] if first else 1) + size / LARGE
