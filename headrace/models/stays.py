"""How versions come and go, as the settings say."""

import msgspec

from headrace.models.sleeping import MayWait
from headrace.settings import Models


class Stays(msgspec.Struct, frozen=True):
    """The same for all models of a server."""

    lazy: bool  # nothing is loaded before it is asked for
    drain_s: float  # that requests under way have to end
    load_parallel: int
    may_wait: MayWait


def stays_of(models: Models, may_wait: MayWait, drain_s: float) -> Stays:
    """As the settings say; of `may_wait` goes what they say nothing of."""
    waiting = msgspec.structs.replace(may_wait, seconds=models.lazy_wait_s)
    return Stays(models.lazy, drain_s, models.load_parallel, waiting)
