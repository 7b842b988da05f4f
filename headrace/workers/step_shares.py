"""An engine's part of the device's time, shared among its requests by the tokens that each step computed of them."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from headrace.device_time import DeviceTime, Share, split_ns
from headrace.llm.terms import Terms

MOST_LEFT = 1024
"""Requests that are remembered once nobody waits for them: a step that is under way may still compute of them."""


class Charged(Protocol):
    """A request, and what it had of the device's time so far."""

    device_ns: int

    @property
    def terms(self) -> Terms: ...


class StepShares:
    """Owns the time since the last step. It runs from when the engine is asked something until it owes nothing."""

    def __init__(self, device: DeviceTime) -> None:
        self._device = device
        self._mark: float | None = None  # while it runs
        self._unshared_ns = 0  # of steps that computed nothing, and answered nobody
        self._left: OrderedDict[int, str] = OrderedDict()  # tenants of those that nobody waits for, by number

    def begin(self, now_ns: int) -> None:
        """The engine is asked something; nothing happens where it runs already."""
        if self._mark is None:
            self._mark = self._device.began(now_ns)

    def left(self, number: int, tenant: str) -> None:
        """Nobody waits for this request any more."""
        self._left[number] = tenant
        if len(self._left) > MOST_LEFT:
            self._left.popitem(last=False)

    def step(
        self, computed: Sequence[tuple[int, int]], answered: Iterable[int], calls: Mapping[int, Charged], now_ns: int
    ) -> tuple[int, tuple[Share, ...]]:
        """A step has ended and the next begins: what is charged, and to whom. Adds to what each request had.

        By tokens `computed`, by number; of a step without any, in equal parts to whom it `answered`.
        """
        self._unshared_ns += self._end(now_ns)
        self._mark = self._device.began(now_ns)
        members = computed or [(number, 1) for number in answered]
        if not members:
            return 0, ()
        device_ns, self._unshared_ns = self._unshared_ns, 0
        weights: Counter[tuple[str, str]] = Counter()
        parts = split_ns(device_ns, tuple([("", "", tokens) for _, tokens in members]))
        for (number, tokens), part_ns in zip(members, parts, strict=True):
            call = calls.get(number)
            if call is None:
                weights[self._left.get(number, ""), "cancelled"] += tokens
            else:
                call.device_ns += part_ns
                weights[call.terms.tenant, "serve"] += tokens
        return device_ns, tuple([(tenant, phase, tokens) for (tenant, phase), tokens in weights.items()])

    def rest(self, now_ns: int) -> None:
        """The engine owes nothing."""
        self._unshared_ns += self._end(now_ns)

    def lost(self, calls: Mapping[int, Charged], now_ns: int) -> tuple[int, tuple[Share, ...]]:
        """The engine is gone, and what it was doing is done again: the same, in equal parts to all of them.

        Where nobody waits it was closed, and what it did was for nobody.
        """
        device_ns, self._unshared_ns = self._unshared_ns + self._end(now_ns), 0
        if not calls:
            return device_ns, (("", "cancelled", 1),)
        weights = Counter([call.terms.tenant for call in calls.values()])
        return device_ns, tuple([(tenant, "retried", count) for tenant, count in weights.items()])

    def _end(self, now_ns: int) -> int:
        mark, self._mark = self._mark, None
        return 0 if mark is None else self._device.ended(mark, now_ns)
