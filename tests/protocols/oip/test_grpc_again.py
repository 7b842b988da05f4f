"""An inference that comes again on its gRPC connection is asked with others, and answered as if it had come alone."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest
from hpack import Decoder

from headrace.alike import lot_of
from headrace.errors import HeadraceError, QueueFull
from headrace.generated import service_pb2 as pb
from headrace.models.registry import Served
from headrace.protocols.grpc.messages import PREFIX, PREFIX_BYTES
from headrace.protocols.grpc.server import Server
from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.connection import Connection
from headrace.protocols.http2.header_blocks import literal
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.line import Line
from headrace.protocols.http2.reader import READ_BYTES
from headrace.protocols.http2.shared import Shared, Unsent
from headrace.protocols.oip.grpc import create_server
from headrace.protocols.request_id import Ids
from headrace.servable import APART, Cancel, Reply
from headrace.servable import Together as AsOne
from headrace.types import Manifest, ModelVersion, Request, Response
from tests.protocols.http2.peer import FakeTransport
from tests.protocols.oip.stub import Stub
from tests.protocols.oip.test_again import Held
from tests.protocols.oip.test_exchange_together import TRACE, TURNS, stopped_clock

HEADERS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/inference.GRPCInferenceService/ModelInfer"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)


class Told(NamedTuple):
    """What a call was answered."""

    message: pb.ModelInferResponse | None
    trailers: dict[str, str]

    @property
    def sums(self) -> int:
        assert self.message is not None, self.trailers
        return int.from_bytes(self.message.raw_output_contents[0][:4], "little")


def message(value: int, id_: str = "", outputs: tuple[str, ...] = ("OUTPUT0",)) -> bytes:
    asked = pb.ModelInferRequest(model_name="add_sub", id=id_)
    for name in ("INPUT0", "INPUT1"):
        asked.inputs.add(name=name, datatype="INT32", shape=[1, 16])
        asked.raw_input_contents.append(value.to_bytes(4, "little") * 16)
    for name in outputs:
        asked.outputs.add(name=name)
    return asked.SerializeToString()


class Bench:
    """A connection of one client, that asks several at once, again and again."""

    def __init__(self, **settings: Any) -> None:
        self.stub = stub = Stub(**{"clock": stopped_clock(), "ids": Ids(), **settings})
        self.model = Held(stub.servables["add_sub"])
        self.publish(self.model)
        server, loop = create_server(stub.front), asyncio.get_running_loop()
        shared = Shared(memoryview(bytearray(READ_BYTES)), Line(loop.call_soon), Unsent())
        self.connection = Connection(cast(Server, server), Limits(), loop, shared, lambda: 0.0)
        self.transport = FakeTransport()
        self.connection.connection_made(cast(asyncio.Transport, self.transport))
        self.send(codes.PREFACE + frames.settings({}))
        self.next = 1
        self._frames: list[tuple[int, int, int, bytes]] = []

    def publish(self, model: Held) -> None:
        served = Served(ModelVersion("add_sub", 2), Manifest("add_sub", 2, Path(), "stub"), model)
        self.stub.registry.publish(served)

    def send(self, data: bytes) -> None:
        room = self.connection.get_buffer(-1)
        room[: len(data)] = data
        self.connection.buffer_updated(len(data))

    def ask(self, *messages: bytes, **metadata: str) -> list[int]:
        """Have them come at once; returns their streams."""
        headers = [*HEADERS, *((name.replace("_", "-").encode(), value.encode()) for name, value in metadata.items())]
        block, sent, numbers = b"".join(literal(*each) for each in headers), b"", []
        for each in messages:
            sent += frames.frame(codes.HEADERS, codes.END_HEADERS, self.next, block)
            sent += frames.window_update(self.next, 5)
            framed = PREFIX.pack(0, len(each)) + each
            sent += frames.frame(codes.DATA, codes.END_STREAM, self.next, framed) + frames.window_update(0, 9)
            numbers.append(self.next)
            self.next += 2
        self.send(sent)
        return numbers

    async def told(self, number: int) -> Told | None:
        """What a stream was answered within a few turns; None where it was not, or not to its end."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self._frames += self.transport.frames()
        own = [each for each in self._frames if each[2] == number]
        content = b"".join(payload for kind, _, _, payload in own if kind == codes.DATA)
        ends = [payload for kind, flags, _, payload in own if kind == codes.HEADERS and flags & codes.END_STREAM]
        if not ends:
            return None
        answer = pb.ModelInferResponse.FromString(content[PREFIX_BYTES:]) if content else None
        if content:
            assert PREFIX.unpack_from(content) == (0, len(content) - PREFIX_BYTES)
        return Told(answer, {str(name): str(value) for name, value in Decoder().decode(ends[0])})

    async def answers(self, *messages: bytes, **metadata: str) -> list[Told]:
        told = [await self.told(number) for number in self.ask(*messages, **metadata)]
        assert all(told)
        return cast(list[Told], told)

    async def warm(self, *ids: str) -> "Bench":
        """They have come often enough to be asked as one."""
        for _ in range(3):
            await self.answers(*(message(value, id_) for value, id_ in enumerate(ids or ("", "", ""))))
        assert self.connection._forms.known
        self.model.bundles.clear()
        self.stub.records.clear()
        return self


async def test_what_comes_again_is_asked_as_one_and_each_gets_its_answer() -> None:
    bench = await Bench().warm()
    answers = await bench.answers(message(5), message(6), message(7))
    assert bench.model.bundles == [3]
    assert [each.sums for each in answers] == [10, 12, 14]
    assert all(each.trailers["grpc-status"] == "0" for each in answers)


@pytest.mark.parametrize("outputs", [("OUTPUT0",), ("OUTPUT1", "OUTPUT0"), ()])
@pytest.mark.parametrize("id_", ["", "mine"])
async def test_an_answer_says_what_it_would_have_said_alone(outputs: tuple[str, ...], id_: str) -> None:
    bench, asked = Bench(), message(5, id_, outputs)
    (alone,) = await bench.answers(asked)
    for _ in range(3):
        answers = await bench.answers(asked, asked)
    assert bench.model.bundles[-1] == 2
    assert [each.message for each in answers] == [alone.message, alone.message]
    assert {*answers[0].trailers} == {*alone.trailers}


async def test_each_has_an_id_of_its_own() -> None:
    bench = await Bench().warm()
    answers = await bench.answers(message(5), message(6), message(7))
    ids = [each.trailers["x-request-id"] for each in answers]
    assert len({*ids}) == 3
    assert [each.id for each in lot_of(bench.stub.records).requests] == ids


async def test_ids_of_the_client_s_own_are_told_back() -> None:
    bench = await Bench().warm("aa", "bb", "cc")
    answers = await bench.answers(message(5, "dd"), message(6, "e "), message(7, "é"))
    assert bench.model.bundles == [3]
    assert [each.message.id for each in answers if each.message] == ["dd", "e ", "é"]
    assert [each.trailers["x-request-id"] for each in answers] == ["dd", "e%20", "%C3%A9"]
    assert [each.sums for each in answers] == [10, 12, 14]


async def test_an_id_longer_than_is_kept_is_told_back_whole() -> None:
    long = "i" * 300
    bench = await Bench().warm(long, long, long)
    answers = await bench.answers(message(5, long), message(6, long))
    assert bench.model.bundles == [2]
    assert [each.message.id for each in answers if each.message] == [long, long]
    assert answers[0].trailers["x-request-id"] == "i" * 128


async def test_an_id_that_is_no_text_is_refused_in_protobuf_s_words() -> None:
    bench = await Bench().warm("aa", "bb", "cc")
    (told,) = await bench.answers(message(5, "dd").replace(b"\x1a\x02dd", b"\x1a\x02\xff\xff"))
    assert told.trailers["grpc-status"] == "3"
    assert "not UTF-8" in told.trailers["grpc-message"]


async def test_one_that_comes_alone_is_asked_alone() -> None:
    bench = await Bench().warm()
    for _ in range(9):
        (told,) = await bench.answers(message(5))
        assert told.sums == 10
    assert set(bench.model.bundles) <= {1}


async def test_where_the_others_cannot_be_answered_each_asks_alone() -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    numbers = bench.ask(message(5), message(6), message(7))
    assert [await bench.told(number) for number in numbers] == [None] * 3
    bench.model.answer_now(QueueFull("there is no room"))
    told = [await bench.told(number) for number in numbers]
    assert [each.sums for each in told if each] == [10, 12, 14]
    assert not bench.model.bundles


@pytest.mark.parametrize("under_way", [False, True])
async def test_one_that_is_reset_meanwhile_is_not_answered_and_the_others_are(under_way: bool) -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    numbers = bench.ask(message(5), message(6), message(7))
    if under_way:
        await bench.told(numbers[0])
    bench.send(frames.reset(numbers[1], codes.CANCEL))
    await bench.told(numbers[0])
    bench.model.answer_now()
    told = [await bench.told(number) for number in numbers]
    assert [each and each.sums for each in told] == [10, None, 14]
    assert [each.error for each in lot_of(bench.stub.records).requests] == ["", "cancelled", ""]


async def test_where_the_connection_is_lost_nobody_is_answered() -> None:
    bench = await Bench().warm()
    numbers = bench.ask(message(5), message(6))
    bench.connection.connection_lost(None)
    assert [await bench.told(number) for number in numbers] == [None, None]
    assert not bench.model.bundles
    assert bench.stub.gateway.in_flight == 0


async def test_a_connection_that_is_drained_answers_first() -> None:
    bench = await Bench().warm()
    numbers = bench.ask(message(5), message(6))
    bench.connection.drain()
    bench.send(frames.ping(b"headrace", ack=True))
    told = [await bench.told(number) for number in numbers]
    assert [each and each.sums for each in told] == [10, 12]
    assert bench.transport.state == "closed"


async def test_windows_that_are_too_small_hold_an_answer_back() -> None:
    bench = await Bench().warm()
    bench.send(frames.settings({codes.INITIAL_WINDOW_SIZE: 20}))
    numbers = bench.ask(message(5), message(6))
    assert [await bench.told(number) for number in numbers] == [None, None]
    assert bench.model.bundles == [2]
    for number in numbers:
        bench.send(frames.window_update(number, 1000))
    told = [await bench.told(number) for number in numbers]
    assert [each and each.sums for each in told] == [10, 12]


@pytest.mark.parametrize(
    "metadata", [{"grpc_timeout": "5S"}, {"x_slo_ms": "5000"}, {"x_request_id": "mine"}, {"traceparent": TRACE}]
)
async def test_calls_that_say_more_are_read_each(metadata: dict[str, str]) -> None:
    bench = await Bench().warm()
    for _ in range(30):
        answers = await bench.answers(message(5), message(6), **metadata)
        assert [each.sums for each in answers] == [10, 12]
    assert not bench.model.bundles
    assert len(bench.connection._forms.known) == 1  # the one that was there before


async def test_other_metadata_does_no_harm() -> None:
    bench = await Bench().warm()
    for _ in range(20):
        answers = await bench.answers(message(5), message(6), x_kind="other")
    assert len(bench.connection._forms.known) == 2
    assert bench.model.bundles[-1] == 2
    assert [each.sums for each in answers] == [10, 12]


@pytest.mark.parametrize("off", [0, 1])
async def test_content_is_held_against_its_length_each_time(off: int) -> None:
    bench = await Bench().warm()
    length = str(PREFIX_BYTES + len(message(5)) + off)
    for _ in range(20):
        numbers = bench.ask(message(5), message(6), content_length=length)
        told = [await bench.told(number) for number in numbers]
        assert [each and each.sums for each in told] == ([None, None] if off else [10, 12])
    assert len(bench.connection._forms.known) == (1 if off else 2)


async def test_compressed_messages_are_read_each() -> None:
    bench = Bench()
    for _ in range(30):
        sent = frames.frame(codes.HEADERS, codes.END_HEADERS, bench.next, b"".join(literal(*each) for each in HEADERS))
        framed = PREFIX.pack(1, 3) + b"abc"
        bench.send(sent + frames.frame(codes.DATA, codes.END_STREAM, bench.next, framed))
        bench.next += 2
    assert not bench.connection._forms.known


async def test_answers_say_what_they_cost() -> None:
    bench = await Bench(usd_per_ns=1.0).warm()
    answers = await bench.answers(message(5), message(6))
    assert bench.model.bundles == [2]
    assert all("x-cost-usd" in each.trailers for each in answers)


class Talkative(Held):
    """Says more than tensors, and is asked each by itself."""

    def together(self) -> AsOne:
        return APART

    def answer(self, request: Request) -> Any:
        answer = super().answer(request)
        return msgspec.structs.replace(answer, parameters={"a": 1}) if isinstance(answer, Response) else answer


@pytest.mark.parametrize("id_", ["", "mine"])
async def test_those_of_a_model_that_is_asked_each_are_answered_each(id_: str) -> None:
    bench = await Bench().warm(id_, id_, id_)
    bench.publish(Talkative(bench.stub.servables["add_sub"]))
    for told in await bench.answers(message(5, id_), message(6, id_)):
        assert told.message is not None
        assert told.message.parameters["a"].int64_param == 1
        assert told.message.id == id_


class Reusing(Held):
    """Has its answers in memory that is others' once they are told."""

    def submit(self, request: Request, reply: Reply) -> Cancel:
        def tell(answer: Response | HeadraceError) -> None:
            assert isinstance(answer, Response)
            lent = tuple(msgspec.structs.replace(each, data=bytearray(each.data)) for each in answer.outputs)
            reply(msgspec.structs.replace(answer, outputs=lent))
            for each in lent:
                memoryview(each.data)[:] = bytes(len(each.data))

        return super().submit(request, tell)


@pytest.mark.parametrize("window", [20, 1000])
async def test_an_answer_is_taken_out_of_memory_that_is_lent(window: int) -> None:
    bench = await Bench().warm()
    bench.publish(Reusing(bench.stub.servables["add_sub"]))
    bench.send(frames.settings({codes.INITIAL_WINDOW_SIZE: window}))
    numbers = bench.ask(message(5), message(6))
    await bench.told(numbers[0])
    bench.send(b"".join(frames.window_update(number, 1000) for number in numbers if window < 1000))
    told = [await bench.told(number) for number in numbers]
    assert [each and each.sums for each in told] == [10, 12]


class Reticent(Held):
    """Does not tell of its runs."""

    def answer(self, request: Request) -> Any:
        answer = super().answer(request)
        return msgspec.structs.replace(answer, batch=None) if isinstance(answer, Response) else answer


async def test_answers_that_have_nothing_alike_are_written_each() -> None:
    bench = await Bench().warm()
    bench.publish(Reticent(bench.stub.servables["add_sub"]))
    answers = await bench.answers(message(5), message(6))
    assert [each.sums for each in answers] == [10, 12]
    assert "x-queue-ms" not in answers[0].trailers


async def test_a_method_that_fails_ends_its_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await Bench().warm()
    with monkeypatch.context() as patched:
        patched.setattr(Ids, "__call__", lambda self: 1 / 0)
        (told,) = await bench.answers(message(5))
    assert told.trailers["grpc-status"] == "13"
    (told,) = await bench.answers(message(5))
    assert told.sums == 10
