"""What Prometheus would read is pushed, where somebody wants that."""

import pytest

from headrace.errors import SettingInvalid
from headrace.observe.metrics import Metrics
from headrace.observe.tally import Tally
from headrace.watching.ground import Ground
from headrace.watching.pushed import Pushed
from tests.collector.receiver import over_http
from tests.observe.make import answered
from tests.watching.grounds import ground


def metrics(of: Ground) -> Metrics:
    tally = Tally()
    of.bus.count(tally.count)
    return Metrics(tally, of.readings, sources=of.sources, epoch_ns=of.epoch_ns)


async def test_the_last_requests_are_told_at_the_end_and_what_was_left_out() -> None:
    with over_http() as (receiver, address):
        stands_on = ground(metrics={"endpoint": address})
        part = Pushed(stands_on, metrics(stands_on))
        await part.start()
        stands_on.bus(answered())
        await part.drained()
        await part.close()
    assert [point.as_int for point in receiver.metrics["headrace_requests_total"][0].sum.data_points] == [1]
    assert "headrace_telemetry_dropped_total" in receiver.metrics


async def test_without_a_collector_nothing_is_pushed() -> None:
    stands_on = ground()
    part = Pushed(stands_on, metrics(stands_on))
    await part.start()
    await part.drained()
    await part.close()
    assert stands_on.dropped.counts() == {}


def test_an_address_that_is_none_is_refused() -> None:
    stands_on = ground(metrics={"endpoint": "nowhere"})
    with pytest.raises(SettingInvalid, match=r"metrics\.endpoint"):
        Pushed(stands_on, metrics(stands_on))
