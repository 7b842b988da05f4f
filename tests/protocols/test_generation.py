"""Asking language models over a real connection: answers gathered, and cancelled when the client leaves."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import pytest
from starlette.routing import BaseRoute

from headrace.errors import HeadraceError, InvalidRequest, WouldBeLate
from headrace.generation import Detokenized, Generate, Generated, Prompt, Result, Times
from headrace.protocols.anthropic.routes import routes as anthropic_routes
from headrace.protocols.generation import answer_all, generate_all, stream_all
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.generate import routes as generate_routes
from headrace.protocols.ollama.routes import routes as ollama_routes
from headrace.protocols.openai.routes import routes as openai_routes
from headrace.protocols.sse import Pipe
from headrace.types import ModelRef, Request
from tests.fakes_generation import ScriptedModel, publish
from tests.protocols.dialect_server import dialect_server, whole
from tests.protocols.oip.http_server import connected
from tests.protocols.oip.stub import Stub
from tests.protocols.openai.server import USER, encoded, events, openai_server

CHAT = {"model": "chat", "messages": USER}
DIALECTS: dict[str, object] = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"model": "chat", "prompt": "hi"},
    "/v1/responses": {"model": "chat", "input": "hi"},
    "/v1/messages": {"model": "chat", "max_tokens": 5, "messages": USER},
    "/api/chat": {"model": "chat", "messages": USER},
    "/api/generate": {"model": "chat", "prompt": "hi"},
    "/v2/models/chat/generate": {"text_input": "hi"},
    "/v2/models/chat/generate_stream": {"text_input": "hi"},
}


def ask(id_: str, stream: bool = False, text: str = "ab") -> Request:
    return Request(id_, ModelRef("chat"), (), ask=Generate(Prompt(text=text), stream=stream))


class Lines:
    """A Writer of plain words."""

    def news(self, which: int, generated: Generated) -> bytes:
        if generated.deltas[0].text == " of":
            raise ValueError("a fault of the writer's")
        return f"{which}{generated.deltas[0].text};".encode()

    def failed(self, error: HeadraceError) -> bytes:
        return error.code.encode()

    def end(self) -> bytes:
        return b"end"


async def never() -> dict[str, str]:
    await asyncio.Event().wait()
    return {}


def model(hold: bool = False) -> tuple[Stub, ScriptedModel]:
    stub, chat = Stub(), ScriptedModel(hold=hold)
    publish(stub.registry, chat)
    return stub, chat


async def test_results_come_in_the_order_of_the_requests() -> None:
    stub, _ = model()
    found = await answer_all(stub.front, [ask("1", text="a"), ask("2", text="bcd")], never, Generated)
    assert [each.usage.prompt_tokens for each in found] == [1, 3]


class Timed(ScriptedModel):
    """Waits 2 ms and gives its first token after 5."""

    def _results(self, request: Request) -> Iterator[Result]:
        for result in super()._results(request):
            assert isinstance(result, Generated)
            yield msgspec.structs.replace(result, times=Times(2_000_000, 5_000_000))


async def test_what_an_answer_took_is_known_with_it() -> None:
    stub = Stub()
    publish(stub.registry, Timed())
    _, spent = await generate_all(stub.front, [ask("1")], never)
    assert (spent["x-queue-ms"], set(spent)) == ("2.000", {"x-queue-ms", "x-compute-ms"})


async def test_what_a_stream_waited_is_known_with_its_first_piece() -> None:
    stub = Stub()
    publish(stub.registry, Timed())
    pipe = Pipe()
    stream_all(stub.front, [ask("1", True)], Lines())(pipe)
    await turns_until(lambda: pipe.over)
    assert pipe.headers == {"x-queue-ms": "2.000"}


def every_dialect(front: Front) -> list[BaseRoute]:
    return [*generate_routes(front), *anthropic_routes(front), *openai_routes(front), *ollama_routes(front)]


@pytest.mark.parametrize("with_lane", [True, False])
@pytest.mark.parametrize("path", DIALECTS)
async def test_headers_limit_a_request_of_every_dialect(path: str, with_lane: bool) -> None:
    said = {"x-slo-ms": "500", "x-slo-ttft-ms": "100.5", "x-slo-tpot-ms": "20", "x-tenant": "alice", "x-priority": "1"}
    async with dialect_server(every_dialect, with_lane=with_lane) as server:
        status, _, body = await whole(server.port, "POST", path, DIALECTS[path], said)
    assert status == 200, body
    context = server.chat.requests[0].context
    assert context.deadline_ns == context.arrived_ns + 500_000_000
    assert (context.ttft_ns, context.tpot_ns) == (100_500_000, 20_000_000)
    assert (context.tenant, context.priority) == ("alice", 1)


@pytest.mark.parametrize("path", DIALECTS)
async def test_what_would_be_late_even_alone_is_not_asked_again_in_any_dialect(path: str) -> None:
    async with dialect_server(every_dialect) as server:
        server.chat.fault = WouldBeLate("late, even alone")
        status, headers, body = await whole(server.port, "POST", path, DIALECTS[path])
    assert (status, headers["x-should-retry"]) == (429, "false")
    assert headers["retry-after"] == "1"
    assert b"late, even alone" in body


@pytest.mark.parametrize(
    ("name", "value"), [("x-slo-ms", "0"), ("x-slo-ttft-ms", "nan"), ("x-priority", "12"), ("x-min-accuracy", "2")]
)
async def test_an_absurd_header_is_refused_by_its_name(name: str, value: str) -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions", CHAT, **{name: value})
    assert answer.status == 400
    assert answer.json["error"]["param"] == name


async def test_a_priority_in_the_body_must_not_differ_from_the_header() -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions", CHAT | {"priority": 2}, **{"x-priority": "1"})
    assert answer.json["error"]["message"].startswith("priority: says 2, and the header x-priority 1")


async def test_the_first_error_ends_and_cancels_all() -> None:
    stub, chat = model(hold=True)
    asking = asyncio.ensure_future(answer_all(stub.front, [ask("1"), ask("2")], never, Generated))
    await chat.arrived.wait()
    chat.fault = InvalidRequest("too long", "prompt")
    chat.step()
    with pytest.raises(InvalidRequest, match="too long"):
        await asking


async def test_another_kind_of_result_is_a_fault_of_the_server() -> None:
    stub, _ = model()
    with pytest.raises(HeadraceError, match="something else"):
        await answer_all(stub.front, [ask("1")], never, Detokenized)


async def test_news_of_several_requests_share_a_stream() -> None:
    stub, chat = model()
    chat.words = ("a", "b")
    pipe = Pipe()
    stream_all(stub.front, [ask("1", True), ask("2", True)], Lines())(pipe)
    await turns_until(lambda: pipe.over)
    assert pipe.take() == b"0a;1a;0b;1b;end"


async def test_a_fault_in_writing_ends_the_stream_with_an_error() -> None:
    stub, chat = model()
    pipe = Pipe()
    stream_all(stub.front, [ask("1", True)], Lines())(pipe)
    await turns_until(lambda: pipe.over)
    assert pipe.take().endswith(b" capital;internal")
    assert chat.cancelled == ["1"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_closed_connection_cancels_before_the_next_step(stream: bool) -> None:
    async with openai_server(hold=True) as server:
        async with connected(server.port) as wire:
            wire.post("/v1/chat/completions", encoded(CHAT | {"stream": stream}))
            await server.chat.arrived.wait()
            server.chat.arrived.clear()
            if stream:
                server.chat.step()
                await wire.reader.readuntil(b"Paris")
        await server.chat.arrived.wait()
        assert len(server.chat.cancelled) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_a_closed_connection_cancels_what_others_are_pipelined_behind(
    stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with openai_server(hold=True) as server:
        async with connected(server.port) as wire:
            for _ in range(3):
                wire.post("/v1/chat/completions", encoded(CHAT | {"stream": stream}))
            await server.chat.arrived.wait()
            if stream:
                server.chat.step()
                await wire.reader.readuntil(b"Paris")
        await turns_until(lambda: not server.stub.gateway.in_flight)
        assert len(server.chat.cancelled) == len(server.chat.requests) == 1
    assert not caplog.records


async def test_a_thousand_clients_that_open_a_stream_and_leave_leave_nothing() -> None:
    async with openai_server(hold=True) as server:

        async def come_and_go(asked: int) -> None:
            async with connected(server.port) as wire:
                wire.post("/v1/chat/completions", encoded(CHAT | {"stream": True}))
                await turns_until(lambda: len(server.chat.requests) >= asked)

        for begun in range(10):
            await asyncio.gather(*(come_and_go(begun * 100 + 50) for _ in range(100)))
        await turns_until(lambda: not server.stub.gateway.in_flight)
        assert len(server.chat.cancelled) == len(server.chat.requests) >= 500
        assert server.chat.backlog().running == 0


async def test_a_client_that_reads_nothing_is_cut_off_and_others_go_on() -> None:
    async with openai_server(hold=True) as server:
        server.chat.words = ("x" * 200_000,) * 100
        async with connected(server.port) as slow, connected(server.port) as quick:
            slow.post("/v1/chat/completions", encoded(CHAT | {"stream": True}))
            await server.chat.arrived.wait()
            slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
            quick.post("/v1/chat/completions", encoded(CHAT | {"stream": True}))
            await turns_until(lambda: len(server.chat.requests) == 2)
            server.chat.step()
            texts = []
            async for event in events(quick):
                if event != "[DONE]" and event["choices"][0]["delta"].get("content"):
                    texts.append(event["choices"][0]["delta"]["content"])
                    server.chat.step()
            assert len(texts) == 100
            assert server.chat.cancelled == [server.chat.requests[0].id]


async def turns_until(met: Callable[[], bool]) -> None:
    """Let the event loop go on until something is so."""
    while not met():  # noqa: ASYNC110 - what is awaited has no event
        await asyncio.sleep(0)
