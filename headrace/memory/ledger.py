"""Who holds how much: what was measured, and what is promised to loads that are under way. Owns only counts."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from headrace.memory.processes import Taken
from headrace.types import ModelVersion

NOTHING_TAKEN = Taken()

FADE = 0.98
"""Of the most that was seen, from one look to the next: half is forgotten in half a minute."""

MOST_GROWTH = 0.01
"""Of the budget, that is kept free for it: a start, or a large request, is not what the next second will be like."""

Stage = Literal["loading", "resident", "leaving"]


class Hold:
    """One version's part, from the beginning of its loading until its memory is back; changed by the ledger only."""

    __slots__ = ("first", "growth_bytes", "inside", "peak_bytes", "pids", "since_s", "stage", "taken", "version")

    def __init__(self, version: ModelVersion, peak_bytes: int, since_s: float = 0.0) -> None:
        self.version = version
        self.since_s = since_s  # its loading began
        self.stage: Stage = "loading"
        self.peak_bytes = peak_bytes  # that loading it takes at most, as far as is known
        self.growth_bytes = 0  # by which it grew in earlier stays
        self.first = self.taken = NOTHING_TAKEN  # when it was loaded, and now
        self.pids: tuple[int, ...] = ()  # of its processes
        self.inside = False  # it has none: what it takes is part of what the server takes

    @property
    def measured_bytes(self) -> int:
        return self.taken.pss_bytes

    @property
    def grown_bytes(self) -> int:
        """By how much it grew in this stay."""
        return max(0, self.taken.anonymous_bytes - self.first.anonymous_bytes)

    @property
    def reserved_bytes(self) -> int:
        """What is counted for it: the peak while it loads, then what it takes, and what it is likely to grow by."""
        if self.stage == "loading":
            return max(self.peak_bytes, self.measured_bytes)
        if self.stage == "resident":
            return self.measured_bytes + max(0, self.growth_bytes - self.grown_bytes)
        return self.measured_bytes

    @property
    def counted_bytes(self) -> int:
        """The same, where it is not in the server's count already."""
        return 0 if self.inside and self.stage != "loading" else self.reserved_bytes


class Reading(msgspec.Struct, frozen=True):
    """What was measured at one moment, by who is counted with it; `total_bytes` is all, whoever is."""

    server_bytes: int
    other_bytes: int  # of warm processes, and of whatever else the server started
    by_version: Mapping[ModelVersion, Taken]
    shared_bytes: int = 0  # of the total: what lies in shared memory
    total_bytes: int = 0


NOTHING = Reading(0, 0, {})


class Ledger:
    """Owns every hold. A budget of None is one that nothing exceeds.

    `reserve_bytes` is what processes that wait to be workers come to have ready: one that has just taken another's
    place has none of it yet.
    """

    def __init__(self, budget_bytes: int | None, reserve_bytes: int = 0) -> None:
        self.budget_bytes = budget_bytes
        self.reading = NOTHING
        self.holds: list[Hold] = []
        self._reserve_bytes = reserve_bytes
        self._growth_bytes = 0.0  # the most that the server grew by between two looks, fading
        self._most_other_bytes = 0.0  # the most that others took, fading

    @property
    def likely_bytes(self) -> int:
        """What server and others are likely to grow by until they are measured again; 0 without a budget."""
        return self._server_growth_bytes + self._other_growth_bytes

    @property
    def server_bytes(self) -> int:
        """What counts for the server: what it takes, and is likely to grow by."""
        return self.reading.server_bytes + self._server_growth_bytes

    @property
    def other_bytes(self) -> int:
        """What counts for processes that are neither the server nor of a version."""
        return self.reading.other_bytes + self._other_growth_bytes

    @property
    def held_bytes(self) -> int:
        return self.server_bytes + self.other_bytes + sum(hold.counted_bytes for hold in self.holds)

    @property
    def _server_growth_bytes(self) -> int:
        return int(min(self._growth_bytes, MOST_GROWTH * (self.budget_bytes or 0)))

    @property
    def _other_growth_bytes(self) -> int:
        grown = max(0.0, self._most_other_bytes - self.reading.other_bytes)
        return 0 if self.budget_bytes is None else int(min(grown, self._reserve_bytes))

    def short_bytes(self, needed_bytes: int) -> int:
        """What is missing for so much more; 0 or less where it fits."""
        return -1 if self.budget_bytes is None else self.held_bytes + needed_bytes - self.budget_bytes

    @property
    def most_bytes(self) -> int | None:
        """What there is for versions, whoever holds it now; None where nobody keeps a budget."""
        return None if self.budget_bytes is None else self.budget_bytes - self.server_bytes - self.other_bytes

    @property
    def loading_since_s(self) -> float | None:
        """When the first of the loads under way began; None where there is none."""
        return min((hold.since_s for hold in self.holds if hold.stage == "loading"), default=None)

    def enter(self, version: ModelVersion, peak_bytes: int, now_s: float = 0.0) -> Hold:
        """From now on a load is counted."""
        hold = Hold(version, peak_bytes, now_s)
        self.holds.append(hold)
        return hold

    def claim(self, hold: Hold, num_bytes: int) -> None:
        """What is loading is going to hold so much more than was known."""
        hold.peak_bytes += num_bytes

    def settle(self, hold: Hold, taken: Taken, growth_bytes: int) -> None:
        """It is loaded; that much was measured, and in earlier stays it grew by so much."""
        hold.stage, hold.growth_bytes = "resident", growth_bytes
        hold.first = hold.taken = taken

    def leave(self, hold: Hold) -> None:
        """It is on its way out, and counted until `forget`."""
        hold.stage = "leaving"

    def forget(self, hold: Hold) -> None:
        """Its memory is back."""
        if hold in self.holds:
            self.holds.remove(hold)

    def of(self, version: ModelVersion) -> Hold | None:
        """The hold of the version that serves, or is going to."""
        found = [hold for hold in self.holds if hold.version == version and hold.stage != "leaving"]
        return found[-1] if found else None

    def follow(self, reading: Reading) -> None:
        """From now on these numbers count. What was not measured of a version stays as it was."""
        if self.reading is not NOTHING:
            grown = reading.server_bytes - self.reading.server_bytes
            self._growth_bytes = max(grown, FADE * self._growth_bytes)
        self._most_other_bytes = max(reading.other_bytes, FADE * self._most_other_bytes)
        self.reading = reading
        for version, taken in reading.by_version.items():
            hold = self.of(version)
            if hold is not None and hold.stage == "resident":
                hold.taken = taken
