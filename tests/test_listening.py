"""Sockets and signals."""

import asyncio
import signal
import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.errors import SettingInvalid
from headrace.listening import HttpServer, address_of, listen
from headrace.protocols.broken_off import BrokenOff


def test_port_0_is_any_free_one_and_is_told() -> None:
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        host, port = address_of(listener).split(":")
        assert (host, int(port) > 0) == ("127.0.0.1", True)


def test_an_address_of_version_6_is_told_in_brackets() -> None:
    with listen("::1", 0, "server.http_port") as listener:
        assert address_of(listener).startswith("[::1]:")


def test_a_taken_port_names_the_setting() -> None:
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SettingInvalid, match=r"server\.http_port: cannot listen on 127\.0\.0\.1 port"):
            listen("127.0.0.1", port, "server.http_port")


STOPPED = """
import asyncio, os, signal
from headrace.listening import stop_signal

async def main() -> None:
    stopped = stop_signal()
    os.kill(os.getpid(), {number})
    await asyncio.wait_for(stopped, 30)
    print(signal.getsignal({number}) in (signal.SIG_DFL, signal.default_int_handler))

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_stops_the_server_and_the_second_is_the_systems(number: signal.Signals) -> None:
    # A process of its own: native libraries of other tests may have left this one without a stack for signals.
    program = [sys.executable, "-c", STOPPED.format(number=int(number))]
    assert subprocess.run(program, capture_output=True, text=True, check=True, timeout=60).stdout == "True\n"


async def test_the_http_server_looks_whether_it_can_still_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()

    async def look() -> None:
        looked.set()

    monkeypatch.setattr("headrace.listening.tell_of_want", look)
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        server = HttpServer(Starlette(), HttpToolsProtocol, 0.5)
        serving = asyncio.create_task(server.serve([listener]))
        await asyncio.wait_for(looked.wait(), 30)
        server.should_exit = True
        await asyncio.wait_for(serving, 30)


async def test_the_http_server_stops_when_its_owner_says_so() -> None:
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        server = HttpServer(Starlette(), HttpToolsProtocol, 0.5)
        serving = asyncio.create_task(server.serve([listener]))
        server.should_exit = True
        await asyncio.wait_for(serving, 30)


async def test_an_idle_connection_is_kept_for_as_long_as_is_said() -> None:
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        server = HttpServer(Starlette(), HttpToolsProtocol, 0.05)
        serving = asyncio.create_task(server.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(0.9):
            await reader.read()
        server.should_exit = True
        await asyncio.wait_for(serving, 30)
        writer.close()


class Kept(HttpToolsProtocol):
    """A connection that ends with its first request after `drain`, which needs no answer here."""

    def drain(self) -> None:
        self.data_received = lambda data: self.transport.close()  # type: ignore[method-assign]


async def test_a_server_that_drains_takes_no_connection_and_lets_those_that_are_kept_ask_once_more() -> None:
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        server = HttpServer(Starlette(), Kept, 0.5)
        serving = asyncio.create_task(server.serve([listener]))
        address = listener.getsockname()[:2]
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        server.drain(30)
        server.should_exit = True
        with pytest.raises(OSError):
            await asyncio.open_connection(*address)
        await asyncio.sleep(0)
        assert len(server.server_state.connections) == 1
        writer.write(b"GET / HTTP/1.1\r\n")
        await asyncio.wait_for(serving, 30)
        writer.close()


async def test_what_takes_longer_than_a_drain_may_is_cancelled_and_its_connection_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headrace.listening.LAST_CALL_S", 0.0)
    monkeypatch.setattr("headrace.listening.LAST_WORDS_S", 0.05)
    asked = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await asyncio.Event().wait()

    with listen("127.0.0.1", 0, "server.http_port") as listener:
        starlette = Starlette(routes=[Mount("/", app)])
        starlette.add_middleware(BrokenOff)
        server = HttpServer(starlette, Kept, 0.5)
        serving = asyncio.create_task(server.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asked.wait()
        server.drain(0)
        server.should_exit = True
        answer = await asyncio.wait_for(reader.read(), 30)
        await asyncio.wait_for(serving, 30)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 503") and b"draining" in answer
