"""Who attacks in bench_floods, and whom in place of the server: processes of their own.

python -m benchmarks.flood HOST:PORT NAME     attack until standard input ends
python -m benchmarks.flood                    listen, and tell the port; read a little of what comes, and answer nothing
"""

import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.header_blocks import literal

PATH = "/inference.GRPCInferenceService/ServerLive"
REQUEST = b"".join(
    literal(*each)
    for each in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", PATH.encode()),
        (b"content-type", b"application/grpc"),
    )
)
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "rapid reset": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST) + frames.reset(number, codes.CANCEL)
    ),
    "continuation": lambda number: frames.frame(codes.HEADERS if number == 1 else codes.CONTINUATION, 0, 1, b""),
    "ping": lambda number: frames.ping(bytes(8)),
    "settings": lambda number: frames.settings({codes.INITIAL_WINDOW_SIZE: number}),
    "large headers": lambda number: frames.frame(
        codes.HEADERS if number == 1 else codes.CONTINUATION, 0, 1, literal(b"a", bytes(15_000))
    ),
    "empty data": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, 1, REQUEST) if number == 1 else frames.frame(codes.DATA, 0, 1)
    ),
}
"""What a connection sends without end, by stream."""
CALLS, CONNECTIONS = "calls", "connections"

EVERY_S = 0.1  # between two connections of a hostile client
OUTSTANDING = 500  # calls of the client that sends too many
OPENED, KEPT = 30, 3000  # connections every time, and at most
READ_BYTES = 64 * 1024
MOST_BYTES = 1 << 20  # of a flood, on one connection


def main() -> None:
    if len(sys.argv) == 1:
        listen()
        return
    host, _, port = sys.argv[1].rpartition(":")
    attack = {CALLS: call_without_end, CONNECTIONS: connect_without_end}.get(sys.argv[2])
    print("ready", flush=True)
    if attack:
        attack((host, int(port)))
    else:
        send_without_end((host, int(port)), enough(HOSTILE[sys.argv[2]]))


def enough(one: Callable[[int], bytes]) -> bytes:
    """More than any server takes of it."""
    made = bytearray()
    number = 1
    while len(made) < MOST_BYTES and number < 20_000:
        made += one(number)
        number += 2
    return bytes(made)


def over() -> bool:
    """Nobody is at the other end of standard input."""
    with selectors.DefaultSelector() as looked_at:
        looked_at.register(sys.stdin, selectors.EVENT_READ)
        return bool(looked_at.select(0))


def send_without_end(address: tuple[str, int], flood: bytes) -> None:
    """A connection every 100 ms, each until it is closed or the next begins."""
    hello = codes.PREFACE + frames.settings({})
    while not over():
        until = time.monotonic() + EVERY_S
        with suppress(OSError), socket.create_connection(address) as connection:
            connection.settimeout(EVERY_S)
            connection.sendall(hello + flood)
        time.sleep(max(0.0, until - time.monotonic()))


def call_without_end(address: tuple[str, int]) -> None:
    """Calls as a client makes them, so many at a time, the next for each that is answered."""
    with socket.create_connection(address) as connection:
        connection.sendall(codes.PREFACE + frames.settings({codes.INITIAL_WINDOW_SIZE: 1 << 30}) + window(1 << 30))
        number, ended = 1, OUTSTANDING
        rest = b""
        while not over():
            calls = [call(each) for each in range(number, number + 2 * ended, 2)]
            number += 2 * ended
            connection.sendall(b"".join(calls))
            rest += connection.recv(1 << 18)
            ended, rest = count_ends(rest)


def call(number: int) -> bytes:
    head = frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST)
    return head + frames.frame(codes.DATA, codes.END_STREAM, number, bytes(5))


def window(size: int) -> bytes:
    return frames.window_update(0, size)


def count_ends(received: bytes) -> tuple[int, bytes]:
    """How many streams ended, and what is left of a frame that is not whole."""
    at = ended = 0
    while len(received) - at >= 9:
        high, low, kind, flags, _ = frames.HEAD.unpack_from(received, at)
        after = at + 9 + (high << 8 | low)
        if after > len(received):
            break
        ended += kind == codes.HEADERS and bool(flags & codes.END_STREAM)
        at = after
    return ended, received[at:]


def connect_without_end(address: tuple[str, int]) -> None:
    """Some every 100 ms, none of which ever asks for anything."""
    kept: deque[socket.socket] = deque()
    while not over():
        until = time.monotonic() + EVERY_S
        with suppress(OSError):
            for _ in range(OPENED):
                kept.append(socket.create_connection(address, timeout=EVERY_S))
                kept[-1].send(codes.PREFACE + frames.settings({}))
        while len(kept) > KEPT:
            kept.popleft().close()
        time.sleep(max(0.0, until - time.monotonic()))


def listen() -> None:
    """Takes what a server would before it ends a connection, and closes it half a second later, as it would."""
    memory = bytearray(READ_BYTES)
    closing: deque[tuple[float, socket.socket]] = deque()
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener, selectors.DefaultSelector() as looked_at:
        listener.setblocking(False)
        looked_at.register(listener, selectors.EVENT_READ)
        print(listener.getsockname()[1], flush=True)
        while not over():
            for key, _ in looked_at.select(0.05):
                if key.fileobj is listener:
                    looked_at.register(listener.accept()[0], selectors.EVENT_READ)
                    continue
                taken = key.fileobj
                assert isinstance(taken, socket.socket)
                with suppress(OSError):
                    if not taken.recv_into(memory):
                        closing.append((0.0, taken))
                looked_at.unregister(taken)
                closing.append((time.monotonic() + 0.5, taken))
            while closing and closing[0][0] <= time.monotonic():
                closing.popleft()[1].close()


if __name__ == "__main__":
    main()
