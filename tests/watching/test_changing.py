"""What changed is logged, unless it is not wanted."""

from headrace.watching.changing import Changing
from tests.watching.grounds import ground, paths


async def test_where_it_is_wanted_it_is_asked_over_http_and_says_what_it_left_out() -> None:
    stands_on = ground()
    part = Changing(stands_on)
    assert "/v2/headrace/changes" in paths(part)
    await part.start()
    await part.close()
    assert not any(stands_on.dropped.counts().values())


async def test_where_it_is_not_wanted_there_is_nothing_to_ask() -> None:
    part = Changing(ground(changes={"enabled": False}))
    assert paths(part) == set()
    await part.start()
    await part.close()
