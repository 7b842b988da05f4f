"""Handing a batch to its instance, so that it has an outcome whatever happens meanwhile."""

import logging
from collections.abc import Callable

from headrace.batching.instance import Done, Instance, Outcome, Work
from headrace.clock import Clock
from headrace.errors import SOON_S, HeadraceError, Internal, MemoryFull

log = logging.getLogger(__name__)


def hand_over(instance: Instance, joined: Callable[[], Work], done: Done, clock: Clock) -> None:
    """Have it run what `joined` makes of the batch. Where that cannot even be begun, for there is no memory for its
    rows, say, `done` is told so: soon, and never within this call."""
    try:
        instance.run(joined(), done)
    except Exception as error:
        log.exception("a batch could not be handed to its instance")
        outcome = Outcome(error=_told(error), ran=False)
        clock.call_at(clock.now_ns(), lambda: done(outcome))


def _told(error: Exception) -> HeadraceError:
    if isinstance(error, MemoryError | OSError):
        return MemoryFull("the system gave no memory for its rows", retry_after_s=SOON_S)
    return Internal("the batch could not be run; the server's log says why")
