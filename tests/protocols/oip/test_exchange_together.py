"""Inferences over HTTP that come in one turn of the event loop, without a connection."""

import asyncio
import json
from pathlib import Path

import msgspec

from headrace.clock import LoopClock
from headrace.models.registry import Served
from headrace.servable import Cancel, Reply
from headrace.servable import Together as AsOne
from headrace.types import Manifest, ModelVersion, Request, Response
from tests.protocols.oip.stub import Stub, StubServable
from tests.protocols.oip.test_exchange import _Asking as Asking

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TURNS = 4  # of the event loop, in which all is answered


def binary(value: int) -> tuple[bytes, bytes]:
    """The JSON of a request, and the whole of it."""
    said = json.dumps(
        {
            "inputs": [
                {"name": name, "shape": [1, 16], "datatype": "INT32", "parameters": {"binary_data_size": 64}}
                for name in ("INPUT0", "INPUT1")
            ],
            "outputs": [{"name": "OUTPUT0", "parameters": {"binary_data": True}}],
        }
    ).encode()
    return said, said + value.to_bytes(4, "little") * 32


class Together(StubServable):
    """Adds and subtracts what is asked as one."""

    def __init__(self, like: StubServable) -> None:
        super().__init__(like._version, like.signature, like._compute)
        self.bundles: list[int] = []  # requests of each

    def together(self) -> AsOne:
        return AsOne(8, 1)

    def submit(self, request: Request, reply: Reply) -> Cancel:
        bundle = request.bundle
        if bundle is None:
            return super().submit(request, reply)
        self.bundles.append(len(bundle.ids))
        inputs = tuple(
            msgspec.structs.replace(tensor, data=b"".join(each[place] for each in bundle.contents))
            for place, tensor in enumerate(request.inputs)
        )
        answer = self.answer(msgspec.structs.replace(request, inputs=inputs, bundle=None))
        reply(msgspec.structs.replace(answer, rows=len(bundle.ids)) if isinstance(answer, Response) else answer)
        return lambda: None


async def _in_one_turn(stub: Stub, headers: dict[bytes, bytes]) -> list[Asking]:
    askings = [Asking(stub, "add_sub", headers) for _ in range(3)]
    for value, asking in enumerate(askings):
        asking.run(binary(value)[1])
    for _ in range(TURNS):
        await asyncio.sleep(0)
    return askings


def stopped_clock() -> LoopClock:
    """What comes in one turn comes at once by it, however busy the machine is."""
    clock = LoopClock(asyncio.get_running_loop())
    now_ns = clock.now_ns()
    clock.now_ns = lambda: now_ns
    return clock


def publish_together(stub: Stub) -> Together:
    servable = Together(stub.servables["add_sub"])
    manifest = Manifest("add_sub", 2, Path(), "stub")
    stub.registry.publish(Served(ModelVersion("add_sub", 2), manifest, servable))
    return servable


async def test_those_of_one_turn_that_repeat_are_asked_as_one_and_answered_each() -> None:
    stub = Stub(clock=stopped_clock())
    servable, headers = publish_together(stub), {b"inference-header-content-length": b"%d" % len(binary(0)[0])}
    for _ in range(3):  # the first is read, the second shows that they come at once
        askings = await _in_one_turn(stub, headers)
    assert servable.bundles[-1] == 3
    told = [bytes(asking.answers[0].parts[-1]) for asking in askings]
    assert told == [(2 * value).to_bytes(4, "little") * 16 for value in range(3)]
    assert all(b"x-batch-size: " in asking.answers[0].headers for asking in askings)


async def test_what_says_more_than_others_is_asked_alone() -> None:
    stub = Stub()
    length = b"%d" % len(binary(0)[0])
    servable = publish_together(stub)
    for said in ({b"x-slo-ms": b"500"}, {b"x-request-id": b"mine"}, {b"traceparent": TRACE.encode()}):
        for _ in range(3):
            askings = await _in_one_turn(stub, {b"inference-header-content-length": length, **said})
            assert [asking.answers[0].status for asking in askings] == [200] * 3
    assert not servable.bundles
