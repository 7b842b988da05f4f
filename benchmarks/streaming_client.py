"""Streams of completions over bare sockets: when each piece came, at next to no cost of the client's own."""

import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

PIECE = b"data: {"


class Stream(msgspec.Struct):
    """One answer: when it was asked for, and when each of its pieces came; seconds of `time.perf_counter`."""

    asked_s: float
    pieces_s: list[float]

    @property
    def first_s(self) -> float:
        """From asking to the first piece."""
        return self.pieces_s[0] - self.asked_s


def complete(
    address: str, bodies: Sequence[Mapping[str, Any]], begun: Callable[[], object] = lambda: None
) -> list[Stream]:
    """Ask for all of them at once, read all to their ends; `begun` is called once for each whose first piece came.

    Raises RuntimeError where one is not answered with 200.
    """
    host, _, port = address.partition(":")
    chooser = selectors.DefaultSelector()
    requests = [_request(body) for body in bodies]
    sockets = [socket.create_connection((host, int(port))) for _ in requests]
    streams = []
    for one, request in zip(sockets, requests, strict=True):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream(time.perf_counter(), [])
        one.sendall(request)
        chooser.register(one, selectors.EVENT_READ, (stream, bytearray()))
        streams.append(stream)
    left = len(streams)
    while left:
        for key, _ in chooser.select(60):
            stream, tail = key.data
            silent = not stream.pieces_s
            left -= _read(key.fileobj, stream, tail, chooser)
            if silent and stream.pieces_s:
                begun()
    return streams


def _read(one: Any, stream: Stream, tail: bytearray, chooser: selectors.BaseSelector) -> bool:
    """Note what came; whether it was the end."""
    data = one.recv(1 << 16)
    now_s = time.perf_counter()
    tail += data
    if not stream.pieces_s and tail and not tail.startswith(b"HTTP/1.1 200"[: len(tail)]):
        raise RuntimeError(tail.decode(errors="replace")[:500])
    pieces = tail.count(PIECE)
    ended = b"[DONE]" in tail or not data
    del tail[: max(0, len(tail) - len(PIECE) + 1) if stream.pieces_s or pieces else 0]
    stream.pieces_s += [now_s] * pieces
    if ended:
        chooser.unregister(one)
        one.close()
    return ended


def _request(body: Mapping[str, Any]) -> bytes:
    content = json.dumps({"stream": True, "temperature": 0, "ignore_eos": True, **body}).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content
