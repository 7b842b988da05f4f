"""The messages between the server and a language model's process: one a step each way, over a stream of bytes.

server -> worker    Load, then Asked whenever there is something new
worker -> server    Loaded or LoadFailed; then Stepped after each step

Each message has its length before it, in 4 bytes, little-endian: prompts may be larger than any packet.
"""

import asyncio
import mmap
import socket
import struct
from collections.abc import Sequence

import msgspec

from headrace.generation import Ask, LanguageFacts, StepFacts
from headrace.llm.engine_protocol import Answered, EngineLoading, Fault, Told
from headrace.llm.terms import Terms

LENGTH = struct.Struct("<I")
MAX_MESSAGE_BYTES = 1 << 30
READ_BYTES = 256 * 1024


class Add(msgspec.Struct, frozen=True, array_like=True):
    """A request, under a number that is not used again; of one that another engine has begun, what was told."""

    number: int
    ask: Ask
    terms: Terms = Terms()
    told: tuple[Told, ...] = ()


class Load(msgspec.Struct, frozen=True, tag="load", array_like=True):
    """The first message: load this model."""

    asked: EngineLoading


class Asked(msgspec.Struct, frozen=True, tag="asked", array_like=True):
    """What came and what was cancelled since the last message."""

    added: tuple[Add, ...]
    aborted: tuple[int, ...]


class AskedRaw(msgspec.Struct, frozen=True, tag="asked", array_like=True):
    """`Asked`, of requests that are encoded already."""

    added: Sequence[msgspec.Raw]
    aborted: Sequence[int]


class Loaded(msgspec.Struct, frozen=True, tag="loaded", array_like=True):
    facts: LanguageFacts


class LoadFailed(msgspec.Struct, frozen=True, tag="load_failed", array_like=True):
    fault: Fault


class Stepped(msgspec.Struct, frozen=True, tag="stepped", array_like=True):
    """All answers of a step, and its counts."""

    answers: Sequence[Answered]
    facts: StepFacts


Question = Load | Asked
Answer = Loaded | LoadFailed | Stepped

_encoder = msgspec.msgpack.Encoder(enc_hook=str)  # paths
_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(
    Load | Asked, dec_hook=lambda kind, value: kind(value)
)
_adds: msgspec.msgpack.Decoder[Add] = msgspec.msgpack.Decoder(Add)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Loaded | LoadFailed | Stepped)

encode = _encoder.encode
decode_question = _questions.decode
decode_answer = _answers.decode
decode_add = _adds.decode


def framed(message: object) -> bytearray:
    """The message encoded, with its length before it."""
    frame = bytearray(LENGTH.size)
    _encoder.encode_into(message, frame, LENGTH.size)
    LENGTH.pack_into(frame, 0, len(frame) - LENGTH.size)
    return frame


class Frames:
    """Takes messages off a stream; `receive` is called when there is something, or blocks where the channel does."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._memory = memoryview(mmap.mmap(-1, READ_BYTES))
        self._begun = bytearray()  # a message of which the rest is yet to come

    def receive(self) -> list[memoryview] | None:
        """The messages that are whole, valid until the next call; None once the other side is gone.

        Raises BlockingIOError where the channel does not block and nothing is there.
        """
        try:
            size = self._channel.recv_into(self._memory)
        except ConnectionError:
            size = 0
        if not size:
            return None
        if not self._begun:
            frames, end = _split(self._memory[:size])
            self._begun += self._memory[end:size]
            return frames
        self._begun += self._memory[:size]
        if len(self._begun) < _first_end(self._begun):
            return []
        received = memoryview(self._begun)
        frames, end = _split(received)
        self._begun = bytearray(received[end:])
        return frames


def _split(received: memoryview) -> tuple[list[memoryview], int]:
    """The whole messages, and where the last of them ends."""
    frames = []
    at = 0
    while at + LENGTH.size <= len(received):
        end = at + _first_end(received[at:])
        if end > len(received):
            break
        frames.append(received[at + LENGTH.size : end])
        at = end
    return frames, at


def _first_end(received: bytearray | memoryview) -> int:
    """Where the first message ends; where less than its length is there, the end of that."""
    if len(received) < LENGTH.size:
        return LENGTH.size
    size: int = LENGTH.unpack_from(received)[0]
    return LENGTH.size + size


class FrameLink:
    """The server's end: a `process.Link` that keeps what the worker has not taken yet, and sends it when it can."""

    def __init__(self, channel: socket.socket) -> None:
        self.fileno = channel.fileno
        self._channel = channel
        self._frames = Frames(channel)
        self.receive = self._frames.receive
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()

    def send(self, message: bytes) -> bool:
        """Take an encoded message; False where the other side is gone or the message is too large."""
        if len(message) > MAX_MESSAGE_BYTES:
            return False
        frame = b"".join((LENGTH.pack(len(message)), message))
        if self._unsent:
            self._unsent += frame
            return True
        sent = self._sent(frame)
        if sent is None:
            return False
        if sent < len(frame):
            self._unsent += memoryview(frame)[sent:]
            self._loop.add_writer(self._channel.fileno(), self._writable)
        return True

    def close(self) -> None:
        if self._unsent:
            self._stop_writing()
        self._channel.close()

    def _writable(self) -> None:
        sent = self._sent(self._unsent)
        del self._unsent[: len(self._unsent) if sent is None else sent]  # of one that is gone, the reader tells
        if not self._unsent:
            self._stop_writing()

    def _stop_writing(self) -> None:
        self._loop.remove_writer(self._channel.fileno())

    def _sent(self, data: bytes | bytearray) -> int | None:
        """How many bytes were taken; None where the other side is gone."""
        try:
            return self._channel.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return None


def channel() -> tuple[socket.socket, socket.socket]:
    """Two ends of a stream; one closes when the other's process dies."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
