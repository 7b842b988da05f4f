"""What models promise is told, and who is told of what is wrong."""

from headrace.watching.promising import Promising
from tests.watching.grounds import ground, paths


async def test_promises_and_alerts_are_asked_over_http() -> None:
    part = Promising(ground())
    assert {"/v2/headrace/slo", "/v2/headrace/alerts"} <= paths(part)
    await part.start()
    await part.close()
