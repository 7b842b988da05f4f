"""How long a run of a model takes: the median, and what one run in a hundred exceeds. Learned from every run; pure.

A prediction is what a run of that size takes (the surface), times how quick the machine has been in the last few runs
(the pace), times a margin. Knows no clock, no queue and no model.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Any

from headrace.batching.cost_surface import MEASURED, CostSurface, logarithm, nanoseconds
from headrace.batching.margin import PRIOR, Margin

FORM = 2  # of what is written

KNOWN = 3  # runs, from which on there is a pace
SETTLED = 5  # samples of a size, from which on a run of it tells how quick the machine is
PACE = 15  # runs
MOST_OFF = 60.0  # of a logarithm
FEW = 20  # runs: so many are not wrong altogether
NEAR = 0.1  # of a logarithm
DOUBT, MOST_DOUBT = 0.35, 5.0


class Latency:
    """What runs of one model take; owned by its batched model.

    `rows` is how many the batch has, `length` how long each of them is on the axis that varies (0 where none does),
    `company` whether another lane of the machine computed at the same time. Predictions rise in rows and in length.
    """

    def __init__(self) -> None:
        self.known = False
        """Whether anything is known; until then predictions are 0."""
        self._surface = CostSurface()
        self._margin = Margin()
        self._alone = Pace()
        self._company = Pace()
        self.runs = 0  # since it began, or was read
        self._times = 1.0, 1.0  # how many times what the surface says a run takes now: alone, and in company
        self._doubt = 0.0  # of a logarithm, that runs may take less: it goes as soon as there are some

    def measured(self, rows: int, length: int) -> bool:
        """Whether so many runs of about this size are known that one held up does not make up what is known."""
        return self._surface.at(rows, length)[2]

    def typical(self, rows: int, length: int, company: bool = False) -> float:
        """Nanoseconds that half of such runs exceed."""
        return self._surface.at(rows, length)[1] * self._times[company]

    def late(self, rows: int, length: int, company: bool = False) -> float:
        """Nanoseconds that one such run in a hundred exceeds."""
        return self.both(rows, length, company)[1]

    def both(self, rows: int, length: int, company: bool = False) -> tuple[float, float]:
        """What is typical, and what is late."""
        surface = self._surface
        _, ns, is_measured = surface.known.get((rows, length)) or surface.at(rows, length)
        typical = ns * self._times[company]
        times = self._margin.times(typical)
        if times < PRIOR and not is_measured:
            times = PRIOR
        return typical, typical * times

    def learn(self, rows: int, length: int, ns: float, company: bool = False) -> None:
        """One run has finished, from its hand-over to its answer."""
        surface, log_ns, pace = self._surface, logarithm(ns), self._pace(company)
        samples = surface.samples(rows, length)
        if samples >= MEASURED:  # from then on runs tell how far predictions are off
            if not pace.doubted:  # else it shows that the machine is quicker or slower by now, not how unsteady it is
                expected = surface.log_ns(rows, length) + pace.value
                self._margin.learn(nanoseconds(expected), nanoseconds(log_ns - expected))
            if samples >= SETTLED and surface.encloses(rows, length):
                (self._company if company else self._alone).learn(log_ns - surface.measured_ns(rows, length))
        surface.add(rows, length, log_ns - self._pace(company).value)
        self.known = True
        self.runs += 1
        self._doubt = self._doubt / 2 if self._doubt > DOUBT / 8 else 0.0
        self._follow()

    def relax(self) -> None:
        """Nothing has run for a while: the machine may be about as quick again as it usually is; and where it was that,
        what was measured in few runs may be wrong altogether, as where the machine stood still meanwhile."""
        if self._alone.value <= NEAR and self.runs < FEW:
            self._doubt = min(self._doubt + DOUBT, MOST_DOUBT)
        self.rest()

    def rest(self) -> None:
        """Others ran meanwhile, and it did not: the machine may be about as quick again as it usually is."""
        self._alone.relax()
        self._company.relax()
        self._follow()

    def to_json(self) -> dict[str, Any]:
        """All that is known, for `from_json`."""
        return {
            "form": FORM,
            "knots": self._surface.to_json(),
            "margin": self._margin.to_json(),
            "alone": round(self._alone.value, 4) if self._alone else None,
            "company": round(self._company.value, 4) if self._company else None,
        }

    @classmethod
    def from_json(cls, kept: Any) -> "Latency":
        """What `to_json` gave. Raises ValueError, TypeError or KeyError where it is something else."""
        if kept["form"] != FORM:
            raise ValueError(f"form {kept['form']}, not {FORM}")
        latency = cls()
        try:
            latency._surface = CostSurface.from_json(kept["knots"])
            latency._margin = Margin.from_json(kept["margin"])
        except OverflowError as error:  # of a number that somebody wrote, which is beyond all others
            raise ValueError(f"no latency: {error}") from error
        latency.known = bool(latency._surface)
        latency._alone = Pace.from_json(kept["alone"])
        latency._company = Pace.from_json(kept["company"])
        latency._follow()
        return latency

    def _follow(self) -> None:
        """What is predicted goes by the pace of now."""
        alone = nanoseconds(self._alone.value - self._doubt)
        self._times = alone, nanoseconds(self._company.value - self._doubt) if self._company else alone

    def _pace(self, company: bool) -> "Pace":
        return self._company if company and self._company else self._alone


class Pace:
    """The median of how far the last few runs were off the surface, as a logarithm: one odd run does not move it."""

    def __init__(self) -> None:
        self._last: deque[float] = deque()
        self._sorted: list[float] = []
        self.value = 0.0
        self.doubted = 0  # runs, until it is no longer what it was when it was kept

    def __bool__(self) -> bool:
        return len(self._last) >= KNOWN

    def learn(self, off: float) -> None:
        """One more run."""
        self.doubted = max(0, self.doubted - 1)
        self._last.append(off)
        insort(self._sorted, off)
        if len(self._last) > PACE:
            del self._sorted[bisect_left(self._sorted, self._last.popleft())]
        if self:
            self.value = self._sorted[len(self._sorted) // 2]

    def relax(self) -> None:
        """Half as slow as it was; one that was quick stays so, for why should it be slower."""
        if self.value <= 0.0:
            return
        self._last = deque([off / 2 for off in self._last])
        self._sorted = [off / 2 for off in self._sorted]
        self.value /= 2

    @classmethod
    def from_json(cls, value: float | None) -> "Pace":
        """What it was, until two runs say otherwise. Raises ValueError or TypeError where it is none."""
        pace = cls()
        if value is not None:
            if not abs(value) < MOST_OFF:
                raise ValueError(f"no pace: {value}")
            for _ in range(KNOWN):
                pace.learn(float(value))
            pace.doubted = KNOWN
        return pace
