"""Who gives way to others on the cores, and for how long; what does so is elsewhere (`patient_loads.py`,
`leaving.py`)."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

GivesWay = Callable[[int], AbstractContextManager[None]]
"""Has the process of that number give way to others for as long as the `with` lasts."""


def at_once(pid: int) -> AbstractContextManager[None]:
    """It gives way to nobody."""
    return nullcontext()
