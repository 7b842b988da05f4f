"""The frames between the server and a worker: one message a batch each way, tensors in shared memory.

server -> worker    Load, then Run for each batch
worker -> server    Loaded or LoadFailed; then Done or RunFailed for each Run, in order; Learned and Spreads at any time
"""

import mmap
import socket
import struct

import msgspec

from headrace.runtimes.load import Loading
from headrace.types import Shape, Signature, Tensor

MAX_MESSAGE_BYTES = 1 << 20

_TIMES = struct.Struct("<QQQ")
written_times, read_times = _TIMES.pack, _TIMES.unpack
"""Of a run, in nanoseconds: to make its inputs, to compute, and to make its outputs."""

BEFORE_TIMES, TIMES = slice(-_TIMES.size), slice(-_TIMES.size, None)
"""Of a message that a run is done, which ends with its times."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A tensor that lies in a slot's memory."""

    name: str
    datatype: str
    shape: Shape
    offset: int
    num_bytes: int


def tensors(parts: tuple[Part, ...], memory: memoryview) -> tuple[Tensor, ...]:
    """The tensors that lie in a slot's memory, where they lie."""
    return tuple(
        [
            Tensor(part.name, part.datatype, part.shape, memory[part.offset : part.offset + part.num_bytes])
            for part in parts
        ]
    )


class Load(msgspec.Struct, frozen=True, tag="load", array_like=True):
    """The first message: load this model."""

    asked: Loading


class Loaded(msgspec.Struct, frozen=True, tag="loaded", array_like=True):
    signature: Signature
    half_takes: float | None = None
    spent_ns: tuple[tuple[str, int], ...] = ()  # of the load, on what is not loading itself


class LoadFailed(msgspec.Struct, frozen=True, tag="load_failed", array_like=True):
    code: str
    message: str


class Run(msgspec.Struct, frozen=True, tag="run", array_like=True):
    """Run what lies in the first `size` bytes of the slot's inputs."""

    slot: int
    size: int
    inputs: tuple[Part, ...]
    outputs: tuple[str, ...]


class Done(msgspec.Struct, frozen=True, tag="done", array_like=True):
    """What the run gave lies in the first `size` bytes of the slot's outputs."""

    slot: int
    size: int
    outputs: tuple[Part, ...]
    times: bytes  # as `written_times` has them: whatever they are, all before them is as with another run of that form


class RunFailed(msgspec.Struct, frozen=True, tag="run_failed", array_like=True):
    slot: int
    code: str
    message: str


class Learned(msgspec.Struct, frozen=True, tag="learned", array_like=True):
    """A first run has shown whether rows may share one, and what it gives where its file does not say that."""

    signature: Signature


class Spreads(msgspec.Struct, frozen=True, tag="spreads", array_like=True):
    """It holds the model twice from now on, to spread the rows of batches over the cores."""


Question = Load | Run
Answer = Loaded | LoadFailed | Done | RunFailed | Learned | Spreads

_encoder = msgspec.msgpack.Encoder(enc_hook=str)  # paths
_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(
    Load | Run, dec_hook=lambda kind, value: kind(value)
)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(
    Loaded | LoadFailed | Done | RunFailed | Learned | Spreads
)

encode = _encoder.encode
decode_question = _questions.decode
decode_answer = _answers.decode


class Inbox:
    """Takes messages off a channel into memory that is used again: `recv` would ask for the largest possible anew."""

    def __init__(self, channel: socket.socket) -> None:
        self._receive_into = channel.recv_into
        self._memory = memoryview(mmap.mmap(-1, MAX_MESSAGE_BYTES))

    def receive(self) -> memoryview:
        """The next message, valid until the next call; empty once the other side is gone.

        Raises BlockingIOError where the channel does not block and nothing is there.
        """
        try:
            size = self._receive_into(self._memory)
        except ConnectionError:
            size = 0
        return self._memory[:size]


class Packets:
    """The server's end of a channel that keeps the borders of messages: a `process.Link`."""

    def __init__(self, channel: socket.socket) -> None:
        self.fileno = channel.fileno
        self.close = channel.close
        self._send = channel.send
        self._next = Inbox(channel).receive

    def receive(self) -> tuple[memoryview, ...] | None:
        message = self._next()
        return (message,) if message else None

    def send(self, message: bytes) -> bool:
        try:
            self._send(message)
        except OSError:
            return False
        return True


def channel() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep the borders of messages; one closes when the other's process dies."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_MESSAGE_BYTES)
    return ours, theirs
