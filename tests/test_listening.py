"""Sockets and signals."""

import asyncio
import os
import signal

import pytest
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.errors import SettingInvalid
from headrace.listening import HttpServer, address_of, listen, stop_signal


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_stops_the_server_and_the_second_is_the_systems(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stopped = stop_signal()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(stopped, 30)
    assert signal.getsignal(number) in (signal.SIG_DFL, before, signal.default_int_handler)


async def test_the_http_server_stops_when_its_owner_says_so() -> None:
    with listen("127.0.0.1", 0, "server.http_port") as listener:
        server = HttpServer(Starlette(), HttpToolsProtocol, 0.5)
        serving = asyncio.create_task(server.serve([listener]))
        server.should_exit = True
        await asyncio.wait_for(serving, 30)
