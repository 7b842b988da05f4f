"""Connections are taken one at a time, and only where there is room."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from headrace.protocols.http2.listener import Listener, bind


class Door:
    """Keeps whom it welcomes and whom it refuses."""

    def __init__(self, most: int = 1000, welcome: Callable[[], None] = lambda: None) -> None:
        self.inside: list[socket.socket] = []
        self.refused = 0
        self._most = most
        self._on_welcome = welcome

    async def welcome(self, taken: socket.socket) -> None:
        self._on_welcome()
        self.inside.append(taken)

    def has_room(self, opening: int) -> bool:
        return len(self.inside) + opening < self._most

    def refuse(self, taken: socket.socket) -> None:
        self.refused += 1


@asynccontextmanager
async def listening(door: Door, host: str = "127.0.0.1") -> AsyncIterator[tuple[Listener, list[socket.socket]]]:
    """And clients, which connect where they are appended."""
    listener = Listener(bind(host, 0), door.welcome, door.has_room, door.refuse)
    clients: list[socket.socket] = []
    try:
        yield listener, clients
    finally:
        listener.close()
        await listener.closed()
        for each in (*clients, *door.inside):
            each.close()


def connect(listener: Listener, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, listener.port))


async def until(true: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came about")


async def test_all_that_come_are_welcomed() -> None:
    door = Door()
    async with listening(door) as (listener, clients):
        clients += [connect(listener) for _ in range(20)]
        await until(lambda: len(door.inside) == 20)


async def test_one_is_taken_each_turn() -> None:
    door = Door()
    async with listening(door) as (listener, clients):
        clients += [connect(listener) for _ in range(20)]
        before = 0
        while len(door.inside) < 20:
            await asyncio.sleep(0)
            assert len(door.inside) - before <= 1
            before = len(door.inside)


async def test_those_for_whom_there_is_no_room_are_refused_and_closed() -> None:
    door = Door(most=2)
    async with listening(door) as (listener, clients):
        clients += [connect(listener) for _ in range(5)]
        await until(lambda: door.refused == 3)
        assert len(door.inside) == 2
        clients[-1].settimeout(30)
        assert await asyncio.to_thread(clients[-1].recv, 1) == b""


async def test_a_welcome_that_fails_closes_the_connection_and_no_other() -> None:
    def fail() -> None:
        if not door.inside and not failed:
            failed.append(True)
            raise OSError("no TLS")

    failed: list[bool] = []
    door = Door(welcome=fail)
    async with listening(door) as (listener, clients):
        clients += [connect(listener) for _ in range(2)]
        await until(lambda: len(door.inside) == 1)
        clients[0].settimeout(30)
        with suppress(ConnectionError):
            assert await asyncio.to_thread(clients[0].recv, 1) == b""


class Exhausted(socket.socket):
    """The system has no more sockets."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")


async def test_where_the_system_has_no_more_sockets_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    with Exhausted() as none:
        none.bind(("127.0.0.1", 0))
        none.listen()
        listener = Listener([none], door.welcome, door.has_room, door.refuse)
        with connect(listener):
            await until(lambda: bool(caplog.records))
        listener.close()
    assert "no connection is accepted for 1 s: Too many open files" in caplog.text


async def test_nobody_is_taken_behind_the_end() -> None:
    door = Door()
    async with listening(door) as (listener, clients):
        clients.append(connect(listener))
        await until(lambda: len(door.inside) == 1)
        port = listener.port
        listener.close()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port))


async def test_one_that_is_being_welcomed_is_let_go_at_the_end() -> None:
    forever = asyncio.Event()
    begun: list[socket.socket] = []

    async def welcome(taken: socket.socket) -> None:
        begun.append(taken)
        await forever.wait()

    listener = Listener(bind("127.0.0.1", 0), welcome, lambda opening: True, lambda taken: None)
    with connect(listener):
        await until(lambda: bool(begun))
        listener.close()
        await listener.closed()
        assert begun[0].fileno() == -1


def test_a_name_with_two_addresses_is_bound_at_both_on_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: found)
    bound = bind("localhost", 0)
    try:
        assert [each.family for each in bound] == [socket.AF_INET, socket.AF_INET6]
        assert len({each.getsockname()[1] for each in bound}) == 1
    finally:
        for each in bound:
            each.close()


def test_an_address_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        bind("127.0.0.1", taken.getsockname()[1])
