"""Profiles are asked for over HTTP."""

from headrace.watching.profiled import Profiled
from tests.watching.grounds import ground, paths


async def test_it_is_asked_over_http() -> None:
    stands_on = ground()
    part = Profiled(stands_on)
    assert paths(part) == {"/v2/headrace/profile"}
    await part.start()
    await part.close()
