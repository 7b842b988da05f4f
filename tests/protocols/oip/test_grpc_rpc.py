"""One call, driven completion by completion: the library is played by the test."""

from collections.abc import Callable
from typing import Any

from headrace.protocols.grpc.method import Call, Unary
from headrace.protocols.oip.grpc_rpc import Rpc
from headrace.types import Buffer


class Core:
    """Takes batches of operations and remembers them by name."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[str], Callable[[Any], None]]] = []

    def start_server_batch(self, operations: tuple[Any, ...], tag: Callable[[Any], None]) -> None:
        self.batches.append(([type(operation).__name__ for operation in operations], tag))


class Event:
    """A completion of one operation that gave this."""

    def __init__(self, message: bytes | None = None, cancelled: bool = False) -> None:
        self.batch_operations = [self]
        self._message, self._cancelled = message, cancelled

    def message(self) -> bytes | None:
        return self._message

    def cancelled(self) -> bool:
        return self._cancelled


def opened(serve: Callable[[Buffer, Call], None]) -> tuple[Rpc, Core]:
    core = Core()
    rpc = Rpc(core, Unary(serve), float("inf"), (), lambda function, *arguments: function(*arguments))
    rpc.on_open()
    return rpc, core


def test_a_unary_call_is_three_batches() -> None:
    rpc, core = opened(lambda sent, call: call.finish(bytes(sent)))
    rpc.on_message(Event(b"x"))
    assert [operations for operations, _ in core.batches] == [
        ["ReceiveCloseOnServerOperation"],
        ["ReceiveMessageOperation"],
        ["SendInitialMetadataOperation", "SendMessageOperation", "SendStatusFromServerOperation"],
    ]


def test_a_call_whose_message_never_came_is_not_served() -> None:
    served: list[Buffer] = []
    rpc, core = opened(lambda sent, call: served.append(sent))
    rpc.on_message(Event(None))
    assert not served
    assert core.batches[-1][0] == ["SendInitialMetadataOperation", "SendStatusFromServerOperation"]


def test_a_client_that_left_before_its_message_was_served_is_not_answered() -> None:
    served: list[Buffer] = []
    rpc, core = opened(lambda sent, call: served.append(sent))
    rpc.on_close(Event(cancelled=True))
    rpc.on_message(Event(b"x"))
    assert not served
    assert len(core.batches) == 2


def test_a_call_that_ended_well_is_not_left() -> None:
    left: list[str] = []

    def serve(sent: Buffer, call: Call) -> None:
        call.when_left(lambda: left.append("left"))
        call.finish(b"")

    rpc, _ = opened(serve)
    rpc.on_message(Event(b"x"))
    rpc.on_close(Event(cancelled=False))
    assert not left
