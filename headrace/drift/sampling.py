"""Which requests are looked at: all, up to a rate of rows and a share of a processor; of more, one in so many."""

import math

from headrace.types import Request, Response

LARGE = 1 << 14
"""Bytes of a request's tensors that count as one row more: copying them takes time too."""

LARGEST = 16 << 20
"""Bytes of a request that is not looked at: copying them would hold up all others."""

BURST_S = 2.0
"""How long a rate above the most may last before requests are left out for it."""

SHARE = 0.01
"""Of a core's time, that looking may take in the long run: more would be felt by those who are looked at."""

CREDIT_S = 0.03
"""Time of it that may be saved up: what is seldom asked is looked at whole, also where some hundreds come at once."""

FADE = 0.875
"""Of what earlier rounds tell of a request's cost, in each: many requests tell more than the first, which is dear."""


class Sampling:
    """Asked of every request, so it does next to nothing; `round` makes it follow the rate, and what looking takes."""

    def __init__(self, max_per_s: float) -> None:
        self.full = 0  # requests that came while too many waited
        self.every = 1  # one in so many is looked at
        self.off: set[str] = set()  # models that are not watched
        self.batched: dict[str, bool] = {}  # whether a model's first dimension is rows, where that is known
        self._max_per_s = max_per_s
        self._until = 1  # requests until one is looked at, it included
        self._came_since = 0  # the last round, as far as they were counted
        self._passed_over = self._too_many = self._too_large = 0  # requests, by why they were not looked at
        self._asked = 0.0  # rows of all requests in this round, as far as they were counted
        self._left = max_per_s * BURST_S
        self._taken = 0  # requests of this round that are looked at
        self._most = math.inf  # that it may be: what is copied and not looked at has been copied for nothing
        self._spent_s = 0.0  # of a processor's time on looking, of late
        self._looked = 0.0  # requests that it went into
        self._credit_s = CREDIT_S

    def wants(self, request: Request, response: Response) -> bool:
        """Whether it is to be looked at, as the gateway asks."""
        self._until -= 1
        if self._until > 0:
            return False
        every = self._until = self.every
        self._came_since += every
        self._passed_over += every - 1
        if not response.outputs or request.model.name in self.off:
            return False
        cost = self._cost(request, response)
        if cost > LARGEST / LARGE:
            self._too_large += 1
            return False
        self._asked += cost * every
        if self._left <= 0 or self._taken >= self._most:
            self._too_many += 1
            return False
        self._left -= cost
        self._taken += 1
        return True

    def dropped(self) -> dict[str, int]:
        """Requests that were not looked at, by why."""
        return {"sampled": self._passed_over, "rate": self._too_many, "large": self._too_large, "full": self.full}

    @property
    def _each_s(self) -> float:
        """What looking at one takes; 0 until that is known."""
        return self._spent_s / self._looked if self._looked else 0.0

    def round(self, seconds: float, looked: int = 0, spent_s: float = 0.0) -> None:
        """So much time has passed since the last round, in which so many requests were looked at with so much of a
        processor's time."""
        if seconds <= 0:
            return
        if looked:
            self._spent_s, self._looked = spent_s + FADE * self._spent_s, looked + FADE * self._looked
        self._credit_s = min(self._credit_s + SHARE * seconds - spent_s, CREDIT_S)
        every = self._asked / seconds / self._max_per_s
        if self._credit_s <= 0:
            every = max(every, self._came_since / seconds * self._each_s / SHARE)
        if self._each_s:
            self._most = (max(self._credit_s, 0.0) + 2 * SHARE * seconds) / self._each_s
        self.every = max(1, math.ceil(every))
        self._asked, self._taken, self._came_since = 0.0, 0, 0
        most = self._max_per_s * BURST_S
        self._left = min(max(self._left, -most) + self._max_per_s * seconds, most)

    def _cost(self, request: Request, response: Response) -> float:
        size = 0
        for tensor in request.inputs:
            size += len(tensor.data)
        for tensor in response.outputs:
            size += len(tensor.data)
        first = request.inputs[0].shape if request.inputs and self.batched.get(request.model.name) else ()
        return (first[0] if first else 1) + size / LARGE
