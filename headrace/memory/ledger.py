"""Who holds how much: what was measured, and what is promised to loads that are under way. Owns only counts."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from headrace.types import ModelVersion

Stage = Literal["loading", "resident", "leaving"]


class Hold:
    """One version's part, from the beginning of its loading until its memory is back; changed by the ledger only."""

    __slots__ = ("measured_bytes", "peak_bytes", "stage", "steady_bytes", "version")

    def __init__(self, version: ModelVersion, peak_bytes: int) -> None:
        self.version = version
        self.stage: Stage = "loading"
        self.peak_bytes = peak_bytes  # that loading it takes at most, as far as is known
        self.steady_bytes = 0  # that it came to in earlier stays
        self.measured_bytes = 0

    @property
    def reserved_bytes(self) -> int:
        """What is counted for it: the peak while it loads, then what it takes, or came to before."""
        if self.stage == "loading":
            return max(self.peak_bytes, self.measured_bytes)
        if self.stage == "resident":
            return max(self.steady_bytes, self.measured_bytes)
        return self.measured_bytes


class Reading(msgspec.Struct, frozen=True):
    """What was measured at one moment. `other_bytes`: warm processes, and whatever else the server started."""

    server_bytes: int
    other_bytes: int
    by_version: Mapping[ModelVersion, int]
    shared_bytes: int = 0  # of all of it

    @property
    def total_bytes(self) -> int:
        return self.server_bytes + self.other_bytes + sum(self.by_version.values())


NOTHING = Reading(0, 0, {})


class Ledger:
    """Owns every hold. A budget of None is one that nothing exceeds."""

    def __init__(self, budget_bytes: int | None) -> None:
        self.budget_bytes = budget_bytes
        self.reading = NOTHING
        self.holds: list[Hold] = []

    @property
    def base_bytes(self) -> int:
        """What no model holds."""
        return self.reading.server_bytes + self.reading.other_bytes

    @property
    def held_bytes(self) -> int:
        return self.base_bytes + sum(hold.reserved_bytes for hold in self.holds)

    def short_bytes(self, needed_bytes: int) -> int:
        """What is missing for so much more; 0 or less where it fits."""
        return -1 if self.budget_bytes is None else self.held_bytes + needed_bytes - self.budget_bytes

    def enter(self, version: ModelVersion, peak_bytes: int) -> Hold:
        """From now on a load is counted."""
        hold = Hold(version, peak_bytes)
        self.holds.append(hold)
        return hold

    def settle(self, hold: Hold, measured_bytes: int, steady_bytes: int) -> None:
        """It is loaded; that much was measured, and it came to `steady_bytes` before."""
        hold.stage, hold.measured_bytes, hold.steady_bytes = "resident", measured_bytes, steady_bytes

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
        self.reading = reading
        for version, measured in reading.by_version.items():
            hold = self.of(version)
            if hold is not None and hold.stage == "resident":
                hold.measured_bytes = measured
