"""Raw tensors cut out of protobuf's bytes and put into them by hand: protobuf itself would copy each of them twice.

What is not raw contents stays protobuf's to read and write.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headrace.types import Buffer

_INPUT_CONTENTS = 7 << 3 | 2  # tag of ModelInferRequest.raw_input_contents
_ID = 3 << 3 | 2  # of ModelInferRequest.id
_OUTPUT_CONTENTS = bytes((6 << 3 | 2,))  # of ModelInferResponse.raw_output_contents
_RESPONSE_ID = bytes((3 << 3 | 2,))  # of ModelInferResponse.id
_INFER_RESPONSE = bytes((2 << 3 | 2,))  # of ModelStreamInferResponse.infer_response
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}


class Cut(NamedTuple):
    """A ModelInferRequest in its parts."""

    rest: bytes  # the message without the others: the same for many that differ in nothing else
    raw: Sequence[Buffer]  # its raw contents, in their order; good for as long as the message's bytes are
    request_id: str = ""  # its id


def cut(sent: Buffer) -> Cut:
    """Take the raw contents and the id out. Bytes that are no message come back whole: protobuf has words for them."""
    view = memoryview(sent)
    raw: list[memoryview] = []
    kept: list[memoryview] = []
    request_id = ""
    at, begin, end = 0, 0, len(view)  # what lies between begin and at is kept
    try:
        while at < end:
            start, tag = at, view[at]
            at += 1
            if tag >= 128:
                tag, at = _varint(view, at - 1)
            kind = tag & 7
            if kind == _BYTES:
                size = view[at]
                at += 1
                if size >= 128:
                    size, at = _varint(view, at - 1)
                after = at + size
                if tag == _INPUT_CONTENTS and after <= end:
                    kept.append(view[begin:start])
                    raw.append(view[at:after])
                    begin = after
                elif tag == _ID and after <= end:
                    request_id = str(view[at:after], "utf-8")
                    kept.append(view[begin:start])
                    begin = after
                at = after
            elif kind == _VARINT:
                _, at = _varint(view, at)
            else:
                at += _FIXED[kind]
    except (IndexError, KeyError, ValueError):  # cut short, no UTF-8, or groups, whose fields have numbers of their own
        return Cut(bytes(sent), ())
    if at != end:
        return Cut(bytes(sent), ())
    if begin < end:
        kept.append(view[begin:end])
    return Cut(b"".join(kept), raw, request_id)


def with_contents(message: bytes, contents: Iterable[Buffer], request_id: str = "") -> bytes:
    """A ModelInferResponse with this id, and these raw contents behind it: the one copy of them that is made."""
    parts: list[Buffer] = [message]
    if request_id:
        coded = request_id.encode()
        parts += (_RESPONSE_ID, _coded(len(coded)), coded)
    for one in contents:
        parts += (_OUTPUT_CONTENTS, _coded(one.nbytes if isinstance(one, memoryview) else len(one)), one)
    return b"".join(parts)


def in_stream(message: bytes) -> bytes:
    """A ModelStreamInferResponse of a ModelInferResponse."""
    return b"".join((_INFER_RESPONSE, _coded(len(message)), message))


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends. Raises IndexError, and ValueError where it is too long."""
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift >= 70:
            raise ValueError("a number of more than ten bytes")


def _coded(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    coded = bytearray()
    while value >= 128:
        coded.append(value & 127 | 128)
        value >>= 7
    coded.append(value)
    return bytes(coded)
