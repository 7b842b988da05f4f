"""The moment at which a version takes another's place."""

from pathlib import Path

from headrace.models.rest import LOOKS, rest
from headrace.types import Manifest
from tests.models.reconcile_bench import Answering


class Busy:
    """One that has requests to answer for so many looks."""

    def __init__(self, looks: int) -> None:
        self.servable = Answering(Manifest("m", 1, Path("m"), "fake"), [])
        self.servable.running = looks
        self.looks = 0

    async def sleep(self, seconds: float) -> None:
        self.looks += 1
        self.servable.running -= 1


async def test_what_rests_is_not_waited_for() -> None:
    busy = Busy(0)
    await rest(busy.servable, busy.sleep)
    assert busy.looks == 0


async def test_it_comes_once_everything_is_answered() -> None:
    busy = Busy(7)
    await rest(busy.servable, busy.sleep)
    assert busy.looks == 7


async def test_what_never_rests_is_not_waited_for_long() -> None:
    busy = Busy(1_000_000)
    await rest(busy.servable, busy.sleep)
    assert busy.looks == LOOKS
