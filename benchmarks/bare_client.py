"""A client that asks for the same inference again and again over bare sockets, over HTTP/1.1 or gRPC: what it sends is
made once and written from where it lies, so that of what is measured next to nothing is the client's."""

import json
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from struct import Struct

import msgspec

from benchmarks.flood import window
from headrace.generated import service_pb2 as pb
from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.header_blocks import literal
from headrace.types import Buffer

READ_BYTES = 1 << 18
MOST_BUFFERS = 512  # of one write
PROTOCOLS = "http", "grpc"
GRPC_PREFIX = Struct(">BI")


class Load(msgspec.Struct, frozen=True):
    """What clients got in a stretch of time."""

    per_second: float
    client_us: float  # of its processor time, an answer


class Connection:
    """One client: a request is sent once the answer before it is there. Raises RuntimeError for another answer."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._unsent: list[Buffer] = []
        self._came = bytearray()

    @property
    def sends(self) -> bool:
        """Whether there is more to be sent."""
        return bool(self._unsent)

    def ask(self) -> None:
        """The next request, as far as it may be sent."""
        raise NotImplementedError

    def read(self) -> bool:
        """Take what came; whether the answer is whole."""
        with suppress(BlockingIOError):
            came = self.socket.recv(READ_BYTES)
            if not came:
                raise RuntimeError(f"closed after {bytes(self._came[:500])!r}")
            self._came += came
        return self._is_whole()

    def send(self) -> None:
        """As much as the socket takes."""
        unsent = self._unsent
        while unsent:
            try:
                sent = self.socket.sendmsg(unsent[:MOST_BUFFERS])
            except BlockingIOError:
                return
            at = 0
            while at < len(unsent) and sent >= len(unsent[at]):
                sent -= len(unsent[at])
                at += 1
            del unsent[:at]
            if sent:
                unsent[0] = memoryview(unsent[0])[sent:]

    def _is_whole(self) -> bool:
        raise NotImplementedError


class Http(Connection):
    """Binary tensors, over one kept connection."""

    def __init__(self, address: str, model: str, shape: Sequence[int], data: bytes) -> None:
        super().__init__(address)
        tensor = {"name": "x", "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": len(data)}}
        said = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
        head = f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(said) + len(data)}"
        head += f"\r\nInference-Header-Content-Length: {len(said)}\r\n\r\n"
        self._request = head.encode() + said, data

    def ask(self) -> None:
        self._unsent += self._request
        self.send()

    def _is_whole(self) -> bool:
        head, found, body = self._came.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(bytes(self._came[:500]).decode(errors="replace"))
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if len(body) < int(lengths[0].partition(b":")[2]):
            return False
        self._came.clear()
        return True


class Grpc(Connection):
    """Raw tensors, in frames as large as the server takes, within the windows that it gives."""

    def __init__(self, address: str, model: str, shape: Sequence[int], data: bytes) -> None:
        super().__init__(address)
        tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=shape)
        said = pb.ModelInferRequest(model_name=model, inputs=[tensor], raw_input_contents=[data]).SerializeToString()
        self._message = memoryview(GRPC_PREFIX.pack(0, len(said)) + said)
        fields = (b":method", b"POST"), (b":scheme", b"http"), (b":authority", address.encode())
        path = b":path", b"/inference.GRPCInferenceService/ModelInfer"
        usual = (b"content-type", b"application/grpc"), (b"te", b"trailers")
        self._headers = b"".join(literal(*each) for each in (*fields, path, *usual))
        self._number = -1
        self._left = memoryview(b"")  # of the message, yet to be framed
        self._most = codes.LEAST_MAX_FRAME
        self._first = self._all = codes.FIRST_WINDOW
        self._own = 0
        mine = frames.settings({codes.INITIAL_WINDOW_SIZE: 1 << 30})
        self._unsent.append(codes.PREFACE + mine + window(1 << 30))

    def ask(self) -> None:
        self._number += 2
        self._own, self._left = self._first, self._message
        self._unsent.append(frames.frame(codes.HEADERS, codes.END_HEADERS, self._number, self._headers))
        self._proceed()

    def _proceed(self) -> None:
        """As much more of the message as the windows have room for."""
        while self._left and (size := min(len(self._left), self._most, self._own, self._all)) > 0:
            piece, self._left = self._left[:size], self._left[size:]
            self._own -= size
            self._all -= size
            flags = 0 if self._left else codes.END_STREAM
            self._unsent += (frames.HEAD.pack(size >> 8, size & 255, codes.DATA, flags, self._number), piece)
        self.send()

    def _is_whole(self) -> bool:
        came, at, is_whole = self._came, 0, False
        while len(came) - at >= frames.HEAD.size:
            high, low, kind, flags, number = frames.HEAD.unpack_from(came, at)
            begin, end = at + frames.HEAD.size, at + frames.HEAD.size + (high << 8 | low)
            if end > len(came):
                break
            is_whole |= self._take(kind, flags, number, bytes(came[begin:end]))
            at = end
        del came[:at]
        self._proceed()
        return is_whole

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> bool:
        """One frame; whether it ends the answer."""
        if kind == codes.SETTINGS and not flags & codes.ACK:
            said = dict(frames.read_settings(payload))
            self._most = said.get(codes.MAX_FRAME_SIZE, self._most)
            first = said.get(codes.INITIAL_WINDOW_SIZE, self._first)
            self._own += first - self._first
            self._first = first
            self._unsent.append(frames.settings_ack())
        elif kind == codes.WINDOW_UPDATE:
            count = frames.read_u32(payload, "WINDOW_UPDATE")
            if not number:
                self._all += count
            elif number == self._number:
                self._own += count
        elif kind == codes.PING and not flags & codes.ACK:
            self._unsent.append(frames.ping(payload, ack=True))
        elif kind in (codes.RST_STREAM, codes.GOAWAY):
            raise RuntimeError(f"frame of kind {kind}: {payload!r}")
        elif kind == codes.HEADERS and flags & codes.END_STREAM and b"grpc-message" in payload:
            raise RuntimeError(payload.decode(errors="replace"))
        return number == self._number and bool(flags & codes.END_STREAM)


KINDS: dict[str, type[Http | Grpc]] = {"http": Http, "grpc": Grpc}


def ask_for(
    protocol: str, address: str, model: str, shape: Sequence[int], data: bytes, clients: int, seconds: float
) -> Load:
    """So many clients for so long, one request of an input `x` of FP32 at a time each. Raises RuntimeError where one
    gets anything but an answer, TimeoutError where none gets any."""
    connections = [KINDS[protocol](address, model, shape, data) for _ in range(clients)]
    with selectors.DefaultSelector() as chooser:
        for each in connections:
            each.ask()
            chooser.register(each.socket, _awaited(each), each)
        _pump(chooser, clients)  # what each brings with it
        begun, spent, until = time.monotonic(), time.process_time(), time.monotonic() + seconds
        count = 0
        while time.monotonic() < until:
            count += _pump(chooser, clients)
        took, spent = time.monotonic() - begun, time.process_time() - spent
    for each in connections:
        each.socket.close()
    return Load(count / took, spent / count * 1e6)


def _pump(chooser: selectors.BaseSelector, answers: int) -> int:
    """Send and read until so many answers or some more came; how many."""
    count = 0
    while count < answers:
        ready = chooser.select(30)
        if not ready:
            raise TimeoutError("no answer for 30 s")
        for key, events in ready:
            client: Connection = key.data
            if events & selectors.EVENT_WRITE:
                client.send()
            if events & selectors.EVENT_READ and client.read():
                count += 1
                client.ask()
            if key.events != _awaited(client):
                chooser.modify(client.socket, _awaited(client), client)
    return count


def _awaited(client: Connection) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if client.sends else 0)
