"""Which models leave memory so that others may come. Pure."""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

import msgspec

Key = TypeVar("Key", bound=Hashable)


class Resident(msgspec.Struct, Generic[Key], frozen=True):
    """A model in memory, as far as its leaving goes."""

    key: Key
    held_bytes: int  # that its leaving gives back
    rate: float  # requests a second that are to be expected
    reload_s: float  # that the first of them waits for it to come back
    pinned: bool = False
    busy: bool = False  # something waits for it, runs on it or is being done to it

    @property
    def may_leave(self) -> bool:
        return not (self.pinned or self.busy) and self.held_bytes > 0

    @property
    def worth(self) -> float:
        """Seconds of waiting that its stay saves, a second and a byte."""
        return self.rate * self.reload_s / max(1, self.held_bytes)


def victims(residents: Collection[Resident[Key]], needed_bytes: int) -> list[Resident[Key]] | None:
    """Those whose leaving gives back as much, the least worth first; None where all that may leave are not enough.

    Of several small ones that together make room, those are kept that a larger one has made needless.
    """
    chosen: list[Resident[Key]] = []
    given = 0
    for resident in sorted((each for each in residents if each.may_leave), key=lambda each: each.worth):
        if given >= needed_bytes:
            break
        chosen.append(resident)
        given += resident.held_bytes
    if given < needed_bytes:
        return None
    for resident in sorted(chosen, key=lambda each: each.worth, reverse=True):
        if given - resident.held_bytes >= needed_bytes:
            chosen.remove(resident)
            given -= resident.held_bytes
    return chosen
