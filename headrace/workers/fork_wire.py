"""The messages between the server and a zygote, and between a zygote and its children; descriptors travel beside them.

server -> zygote    Prepare, then Fork for each child
zygote -> server    Ready; then Born or Unborn for each Fork, and Ended for each child that was born
zygote -> child     the Fork that it is to live by
"""

import socket
from collections.abc import Sequence

import msgspec

MAX_MESSAGE_BYTES = 1 << 16
MAX_FDS = 64


class Prepare(msgspec.Struct, frozen=True, tag="prepare", array_like=True):
    """Import these modules, and keep so many children in reserve, each with so much memory ready."""

    modules: tuple[str, ...]
    warm: int
    ready_bytes: int = 0


class Fork(msgspec.Struct, frozen=True, tag="fork", array_like=True):
    """Have a child run the module's `main` with these descriptors; the first is its standard error."""

    number: int
    module: str
    environment: dict[str, str]


class Ready(msgspec.Struct, frozen=True, tag="ready", array_like=True):
    why_not: str = ""  # it cannot fork


class Born(msgspec.Struct, frozen=True, tag="born", array_like=True):
    number: int
    pid: int


class Unborn(msgspec.Struct, frozen=True, tag="unborn", array_like=True):
    number: int
    why: str


class Ended(msgspec.Struct, frozen=True, tag="ended", array_like=True):
    pid: int
    status: int  # negative where a signal ended it


Question = Prepare | Fork
Answer = Ready | Born | Unborn | Ended

_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Prepare | Fork)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Ready | Born | Unborn | Ended)

encode = msgspec.msgpack.Encoder().encode
decode_answer = _answers.decode


def channel() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep the borders of messages; one closes when the other's process dies."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def ask(channel: socket.socket, question: Question, fds: Sequence[int] = ()) -> None:
    """Send a question with its descriptors, which stay the caller's too. Raises OSError where nobody takes it."""
    socket.send_fds(channel, [encode(question)], fds)


def asked(channel: socket.socket) -> tuple[Question | None, list[int]]:
    """The next question and its descriptors, which are the caller's to close; None once the other side is gone."""
    try:
        message, fds, _, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, MAX_FDS)
    except ConnectionResetError:  # it went with something unread
        return None, []
    return (_questions.decode(message) if message else None), fds
