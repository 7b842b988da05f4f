"""What is given back once memory is over its budget: idle models, then a worker that grew, then new work. Pure."""

from collections.abc import Collection
from typing import Generic

import msgspec

from headrace.memory.eviction import Key, Resident, victims

GROWN = 0.25
GROWN_BYTES = 16 << 20
"""By so much of what it took when it was loaded, and by so many bytes, a worker has grown to be worth starting anew."""


class Grown(msgspec.Struct, Generic[Key], frozen=True):
    """A version in memory: what it took when it was loaded, and takes now."""

    key: Key
    at_first_bytes: int
    now_bytes: int

    @property
    def growth_bytes(self) -> int:
        return self.now_bytes - self.at_first_bytes

    @property
    def is_worth_it(self) -> bool:
        return self.growth_bytes > max(GROWN_BYTES, GROWN * self.at_first_bytes)


class Enough(msgspec.Struct, frozen=True):
    """Nothing is to be given back."""


class Evict(msgspec.Struct, Generic[Key], frozen=True):
    """These leave."""

    keys: tuple[Key, ...]


class Recycle(msgspec.Struct, Generic[Key], frozen=True):
    """This one is loaded anew."""

    key: Key


class Refuse(msgspec.Struct, frozen=True):
    """Nothing can be given back: no new work until there is room."""


def relief(
    over_bytes: int,
    residents: Collection[Resident[Key]],
    grown: Collection[Grown[Key]],
    *,
    likely_bytes: int = 0,
    pressed: bool = False,
) -> Enough | Evict[Key] | Recycle[Key] | Refuse:
    """What comes next. `over_bytes` is what memory is over its budget, 0 or less where it is not.

    `likely_bytes` is what it is likely to grow by until the next look: for that alone nothing is disturbed that is in
    use. `pressed`: programs stand still for want of memory, whatever the budget says.
    """
    if over_bytes <= 0 and not pressed:
        leaving = victims(residents, over_bytes + likely_bytes) if over_bytes + likely_bytes > 0 else []
        return Evict(tuple(each.key for each in leaving)) if leaving else Enough()
    if over_bytes > 0:
        leaving = victims(residents, over_bytes) or [each for each in residents if each.may_leave]
        if leaving:
            return Evict(tuple(each.key for each in leaving))
        worth_it = [each for each in grown if each.is_worth_it]
        if worth_it:
            return Recycle(max(worth_it, key=lambda each: each.growth_bytes).key)
    return Refuse()
