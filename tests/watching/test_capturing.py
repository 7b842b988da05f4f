"""Requests are kept only where somebody wants that."""

from headrace.watching.capturing import Capturing
from tests.watching.grounds import ground, paths


async def test_where_it_is_wanted_it_is_asked_over_http_and_says_what_it_left_out() -> None:
    stands_on = ground(capture={"ratio": 0.5})
    part = Capturing(stands_on)
    assert "/v2/headrace/captures" in paths(part)
    await part.start()
    await part.close()
    assert not any(stands_on.dropped.counts().values())


async def test_where_it_is_not_wanted_who_asks_is_told_how_it_would_be() -> None:
    part = Capturing(ground())
    assert paths(part) == {"/v2/headrace/captures{rest:path}"}
    await part.start()
    await part.close()
