"""A version answers while a part of it is still to come; what comes of that part is told."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from headrace.errors import ModelInvalid
from headrace.types import Manifest
from tests.models.reconcile_bench import Answering, Bench

MIB = 1 << 20


class Joining(Answering):
    """One of which a part comes later."""

    def __init__(self, manifest: Manifest, told: list[str]) -> None:
        super().__init__(manifest, told)
        self.joined = asyncio.get_running_loop().create_future()
        self.fault = ""

    async def whole(self) -> None:
        await asyncio.wait([self.joined])
        if self.fault:
            raise ModelInvalid(self.fault)

    async def close(self) -> None:
        self.joined.cancel()
        await super().close()


async def joining(tight: Bench) -> Joining:
    tight.makes = Joining
    await tight.reconcile.load("m")
    served = tight.served("m")
    assert isinstance(served, Joining)
    return served


async def test_what_answers_at_once_is_ready_and_has_the_room_of_a_load_until_the_rest_has_joined(tight: Bench) -> None:
    served = await joining(tight)
    (hold,) = tight.rooms.ledger.holds
    assert (tight.states()[0], hold.stage) == (("m", 1, "READY"), "loading")
    served.joined.set_result(None)
    await tight.reconcile.still()
    assert (hold.stage, hold.measured_bytes) == ("resident", 40 * MIB)
    assert [(event.state, event.cause) for event in tight.events[-2:]] == [
        ("READY", "asked for"),
        ("READY", "its variants have joined"),
    ]


async def test_what_cannot_join_leaves_what_answers_and_is_told(tight: Bench) -> None:
    served = await joining(tight)
    served.signature = msgspec.structs.replace(served.signature, warnings=("variant 'quick': is torn",))
    served.fault = "is torn"
    served.joined.set_result(None)
    await tight.reconcile.still()
    assert tight.states()[0] == ("m", 1, "READY")
    assert tight.reasons()["m"] == "variant 'quick': is torn"
    assert tight.events[-1].cause == "its variants could not join"


async def test_one_that_goes_before_the_rest_has_joined_gives_its_room_back(tight: Bench) -> None:
    await joining(tight)
    await tight.reconcile.unload("m")
    await tight.reconcile.still()
    assert tight.rooms.ledger.holds == []
    assert tight.states()[0] == ("m", 1, "UNAVAILABLE")


async def test_a_swap_waits_for_all_of_the_new_one_and_fails_where_a_part_of_it_does(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(1)
    await bench.reconcile.start()

    def made(manifest: Manifest, told: list[str]) -> Joining:
        one = Joining(manifest, told)
        one.fault = "is torn"
        one.joined.set_result(None)
        return one

    bench.makes = made  # type: ignore[assignment]  # a class before
    bench.put(2)
    with pytest.raises(ModelInvalid, match="is torn"):
        await bench.reconcile.load("m")
    assert bench.registry.versions("m") == [1]
