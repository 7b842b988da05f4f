"""Who had the machine is told."""

from headrace.watching.spending import Spending
from tests.observe.make import answered
from tests.watching.grounds import ground, paths


async def test_the_books_hold_what_was_recorded_just_now() -> None:
    stands_on = ground()
    part = Spending(stands_on)
    assert paths(part) == {"/v2/headrace/costs"}
    await part.start()
    stands_on.bus(answered())
    assert part._told("model")["by"] == "model"
    await part.close()
