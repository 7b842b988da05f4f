"""A page is made every so often, pushed where the settings want it, and once more at the end."""

import asyncio

from headrace.pushing.plan import Plan
from headrace.pushing.pushing import pushing
from tests.collector.receiver import over_http
from tests.pushing.make import page


class Waits:
    """A sleep that ends when the test says."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()
        self.over.clear()


async def test_pages_reach_the_collector_until_the_end() -> None:
    waits, counts = Waits(), iter((3, 5))

    async def make() -> bytes:
        return page(next(counts)).encode()

    with over_http() as (receiver, address):
        made = pushing(Plan("http", f"{address}/v1/metrics", 7, False), {}, waits.sleep, lambda: 100)
        made.start(make)
        waits.over.set()
        await asyncio.to_thread(receiver.wait_for_metric, "took_seconds")
        await made.drained()
        await made.close()
        found = receiver.wait_for_metric("requests_total", 2)
    assert [metric.sum.data_points[0].as_int for metric in found] == [3, 5]
    assert waits.asked == [7, 7]
    assert not any(made.dropped().values())


async def test_a_page_that_cannot_be_made_is_not_the_last_one() -> None:
    waits, made = Waits(), list[int]()
    again = asyncio.Event()

    async def make() -> bytes:
        made.append(1)
        if len(made) == 1:
            waits.over.set()
            raise RuntimeError("broken")
        again.set()
        return page(1).encode()

    with over_http() as (_, address):
        pushed = pushing(Plan("http", f"{address}/v1/metrics", 7, False), {}, waits.sleep, lambda: 100)
        pushed.start(make)
        waits.over.set()
        await asyncio.wait_for(again.wait(), 5)
        await pushed.drained()
        await pushed.close()
