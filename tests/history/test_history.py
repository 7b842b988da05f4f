"""The loop that keeps history, by a clock that the test owns."""

import asyncio

from headrace.history.history import Counted, History
from headrace.history.levels import RAW
from headrace.observe.tally import Tally, VersionTally
from headrace.records import RequestRecord
from headrace.types import BatchFacts, ModelVersion
from tests.observe.make import hand_on

VERSION = ModelVersion("m", 1)


class Server:
    """Counts that a test adds to, and the time."""

    def __init__(self) -> None:
        self.tally, self.time_s = Tally(), 1_000_000_003.0
        self.tally.versions["m", 1] = VersionTally(0.0)
        self.history = History(None, lambda: (self.tally.versions, {}, {}), lambda: self.time_s)

    def ask(self, times: int) -> None:
        facts = BatchFacts(1, 1, "idle", 0, 0)
        hand_on([RequestRecord("r", "m", 1, "http", 1, 0, 0, 120_000, facts)] * times, self.tally)


async def test_what_was_counted_is_kept_by_the_step_that_it_fell_into() -> None:
    server = Server()
    await server.history.start()
    server.ask(3)
    server.time_s = 1_000_000_005.01
    await server.history.step()
    server.ask(2)
    server.time_s = 1_000_000_010.01
    await server.history.step()
    level, rows = await server.history.read("m", None, 1_000_000_000, 1_000_000_010, 720)
    assert level is RAW
    assert [(at, point.requests) for at, _, point in rows] == [(1_000_000_000, 3), (1_000_000_005, 2)]
    assert server.history.latest[VERSION].requests == 2
    await server.history.close()


async def test_a_version_that_did_nothing_takes_no_room() -> None:
    server = Server()
    await server.history.start()
    await server.history.step()
    assert (await server.history.read("m", None, 0, 2e9, 720))[1] == []
    await server.history.close()


async def test_the_last_seconds_are_kept_when_it_ends() -> None:
    server = Server()
    await server.history.start()
    server.ask(1)
    kept: list[int] = []
    store = server.history._store
    assert store is not None
    store.add = lambda at_s, points: kept.extend(point.requests for _, point in points)  # type: ignore[method-assign]
    await server.history.close()
    assert kept == [1]


async def test_a_step_that_fails_is_not_the_last_one() -> None:
    looks, again = list[int](), asyncio.Event()

    def look() -> Counted:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("broken")
        again.set()
        return {}, {}, {}

    history = History(None, look, lambda: 1_000_000_004.999)  # a step is always due in a millisecond
    await history.start()
    await asyncio.wait_for(again.wait(), 5)
    await history.close()
