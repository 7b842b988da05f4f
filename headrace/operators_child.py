"""The program that looks into a model's operators, in a process of its own: `python -m headrace.operators_child`.

It is asked on standard input and answers on standard output, once each, in msgpack; what libraries print there goes to
standard error.
"""

import os
import sys

import msgspec

from headrace.errors import HeadraceError, Internal, Unavailable
from headrace.runtimes.operators import Asked, Told, find_out


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Why there is no answer: an error's code, and its words."""

    code: str
    message: str


class Found(msgspec.Struct, frozen=True, tag="found"):
    """The answer."""

    told: Told


_asked = msgspec.msgpack.Decoder(Asked, dec_hook=lambda kind, value: kind(value))
_encoder = msgspec.msgpack.Encoder(enc_hook=str)  # paths
encode_asked = _encoder.encode
decode_answer = msgspec.msgpack.Decoder(Failed | Found).decode


def main() -> None:
    """Answer the one question."""
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with os.fdopen(answers, "wb") as out:
        out.write(_encoder.encode(answer(_asked.decode(sys.stdin.buffer.read()))))


def answer(asked: Asked) -> Failed | Found:
    """What was found out, or why not."""
    try:
        return Found(find_out(asked))
    except HeadraceError as error:
        return Failed(error.code, str(error)[:8192])
    except MemoryError:
        return Failed(Unavailable.code, "not enough memory to load the model a second time")
    except Exception as error:
        return Failed(Internal.code, f"{type(error).__name__}: {error}"[:8192])


if __name__ == "__main__":
    main()
