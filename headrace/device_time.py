"""The device's time: at each moment it is idle, or shared in equal parts by all that runs on it.

The device is the machine's allowed cores, taken together. What runs is a batch, a step of an engine, a load, a warm-up
or a probe; runs of one instance that queue up one behind the other are one at a time.
"""

from collections import Counter
from typing import NamedTuple


class Spent(NamedTuple):
    """How the time passed since the device was first asked. `charged_ns` and `under_way_ns` add up to `busy_ns`."""

    idle_ns: float  # nothing ran
    busy_ns: float  # something ran
    charged_ns: float  # of what has ended
    under_way_ns: float  # of what runs now, so far


class DeviceTime:
    """Owns who runs, as a number, and what one run would have had that ran all the time beside the others.

    All methods take the time by one clock; one that is earlier than the last counts as that one.
    """

    def __init__(self) -> None:
        self._running = 0
        self._each_ns = 0.0
        self._begun_ns = 0.0  # what each had by when those that run now began, added up
        self._last_ns: int | None = None
        self._idle_ns = 0.0
        self._busy_ns = 0.0
        self._charged_ns = 0.0

    def began(self, now_ns: int) -> float:
        """Something runs from now on. The mark is handed back to `ended`, once."""
        self._pass(now_ns)
        self._running += 1
        self._begun_ns += self._each_ns
        return self._each_ns

    def ended(self, mark: float, now_ns: int) -> int:
        """It no longer runs: its part of the device's time."""
        self._pass(now_ns)
        self._running -= 1
        self._begun_ns = self._begun_ns - mark if self._running else 0.0
        share_ns = self._each_ns - mark
        self._charged_ns += share_ns
        return round(share_ns)

    def spent(self, now_ns: int) -> Spent:
        """All of it, as of now."""
        self._pass(now_ns)
        under_way_ns = self._running * self._each_ns - self._begun_ns
        return Spent(self._idle_ns, self._busy_ns, self._charged_ns, under_way_ns)

    def _pass(self, now_ns: int) -> None:
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is None:
            return
        passed_ns = now_ns - last_ns
        if passed_ns <= 0:
            self._last_ns = last_ns
        elif self._running:
            self._each_ns += passed_ns / self._running
            self._busy_ns += passed_ns
        else:
            self._idle_ns += passed_ns


Phase = str
"""serve; load, warmup, probe; failed, retried, cancelled."""

Share = tuple[str, Phase, int]
"""Whose a part of a run was: a tenant ("": nobody's), what it was for, and how much of it, in rows, tokens or time."""


def split_ns(device_ns: int, shares: tuple[Share, ...]) -> list[int]:
    """What each share has of a run; together exactly all of it."""
    left_ns, left = device_ns, sum([share[2] for share in shares])
    parts = []
    for _, _, weight in shares:
        part_ns = left_ns * weight // left if left else 0
        parts.append(part_ns)
        left_ns, left = left_ns - part_ns, left - weight
    return parts


Charged = Counter[tuple[str, Phase]]
"""Nanoseconds of the device's time, by tenant and phase."""


def charge(device_ns: int, shares: tuple[Share, ...], charged: Charged) -> None:
    """Add a run's parts to what is charged."""
    for (tenant, phase, _), part_ns in zip(shares, split_ns(device_ns, shares), strict=True):
        charged[tenant, phase] += part_ns
