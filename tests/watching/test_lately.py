"""Requests are found again."""

from headrace.watching.lately import Lately
from tests.observe.make import answered
from tests.watching.grounds import ground, paths


async def test_what_was_asked_just_now_is_told() -> None:
    stands_on = ground()
    part = Lately(stands_on, None)
    assert "/v2/headrace/requests" in paths(part)
    assert "/v2/headrace/log" not in paths(part)  # it writes none
    record = answered()
    stands_on.bus(record)
    assert [each["id"] for each in part._latest("", False, 10)] == [record.id]
    await part.start()
    await part.close()
