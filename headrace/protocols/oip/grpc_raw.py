"""Raw tensors cut out of protobuf's bytes and put into them by hand: protobuf itself would copy each of them twice.

What is not raw contents stays protobuf's to read and write.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headrace.errors import InvalidRequest
from headrace.large_memory import joined
from headrace.types import Buffer
from headrace.varint import varint

_INPUT = bytes((5 << 3 | 2,))  # tag of ModelInferRequest.inputs
_FEW_BYTES = 2048  # have no more than a thousand inputs
_INPUT_CONTENTS = 7 << 3 | 2  # tag of ModelInferRequest.raw_input_contents
_ID = 3 << 3 | 2  # of ModelInferRequest.id
_OUTPUT_CONTENTS = bytes((6 << 3 | 2,))  # of ModelInferResponse.raw_output_contents
_ID_TAG = bytes((_ID,))  # and of ModelInferResponse.id
_INFER_RESPONSE = bytes((2 << 3 | 2,))  # of ModelStreamInferResponse.infer_response
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_MOST_FIELDS = 16_384  # of a message: each is a turn of a loop, and all other requests wait for its end
_MOST_UNREAD_BYTES = 1 << 20  # of what this does not read, and protobuf may
_KEPT = 256  # forms
_LONGEST = 1024  # bytes of what a form is recognised by


class Cut(NamedTuple):
    """A ModelInferRequest in its parts."""

    rest: bytes  # the message without the others: the same for many that differ in nothing else
    raw: Sequence[Buffer]  # its raw contents, in their order; good for as long as the message's bytes are
    request_id: str = ""  # its id

    @property
    def num_bytes(self) -> int:
        """Of all of it."""
        return len(self.rest) + sum(map(len, self.raw))

    @property
    def most_tensors(self) -> int:
        """A number of inputs that it has not more of, found without reading them."""
        rest = self.rest
        return len(self.raw) if len(rest) <= _FEW_BYTES else max(len(self.raw), rest.count(_INPUT))


class Cutter:
    """Takes the raw contents and the id out of messages.

    Messages come again with other contents: one that is an earlier one of its size, but for contents and id, is cut at
    the same places without being read.
    """

    def __init__(self) -> None:
        self._forms: dict[int, Form] = {}  # by size, the latest of each

    def form(self, sent: bytes) -> "Form | None":
        """That of a message which was cut before, if the next of its size may have it."""
        form = self._forms.get(len(sent))
        return form if form is not None and form.cut(sent) is not None else None

    def cut(self, sent: Buffer) -> Cut:
        """Bytes that are no message come back whole: protobuf has words for them.

        Raises InvalidRequest for more fields than a request can need, and where many bytes are no message.
        """
        form = self._forms.get(len(sent))
        if form is not None and isinstance(sent, bytes) and (known := form.cut(sent)) is not None:
            return known
        view = memoryview(sent)
        fields = _fields(view)
        if fields is None:
            if len(view) > _MOST_UNREAD_BYTES:
                raise InvalidRequest("the bytes are no inference.ModelInferRequest message")
            return Cut(bytes(sent), ())
        found = _cut(view, fields)
        if len(found.rest) <= _LONGEST and sum(field.tag == _ID for field in fields) <= 1:
            if len(self._forms) >= _KEPT:
                self._forms.clear()
            self._forms[len(view)] = _form(view, fields, found.rest)
        return found


class _Field(NamedTuple):
    """One that is cut out: its tag, where that is, and where its content begins and ends."""

    tag: int
    at: int
    begin: int
    end: int


class Form(NamedTuple):
    """Where messages of a size are cut."""

    rest: bytes
    fixed: tuple[tuple[int, bytes], ...]  # all the others' bytes, and where they are
    raw: tuple[tuple[int, int], ...]
    request_id: tuple[int, int]

    def contents(self, sent: bytes) -> list[memoryview]:
        """The raw contents of a message of this form."""
        view = memoryview(sent)
        return [view[begin:end] for begin, end in self.raw]

    def cut(self, sent: bytes) -> Cut | None:
        """The parts of a message of this size, if it has this form."""
        for at, text in self.fixed:
            if not sent.startswith(text, at):
                return None
        begin, end = self.request_id
        try:
            request_id = sent[begin:end].decode()
        except UnicodeDecodeError:
            return None
        return Cut(self.rest, self.contents(sent), request_id)


def _form(view: memoryview, fields: Sequence[_Field], rest: bytes) -> Form:
    begins = (0, *(field.end for field in fields))
    ends = (*(field.begin for field in fields), len(view))
    fixed = tuple((begin, bytes(view[begin:end])) for begin, end in zip(begins, ends, strict=True) if begin < end)
    spans = [(field.begin, field.end) for field in fields if field.tag == _ID]
    raw = tuple((field.begin, field.end) for field in fields if field.tag != _ID)
    return Form(rest, fixed, raw, spans[0] if spans else (0, 0))


def _cut(view: memoryview, fields: Sequence[_Field]) -> Cut:
    kept: list[memoryview] = []
    raw: list[memoryview] = []
    request_id, after = "", 0
    try:
        for tag, at, begin, end in fields:
            if after < at:
                kept.append(view[after:at])
            after = end
            if tag == _ID:
                request_id = str(view[begin:end], "utf-8")
            else:
                raw.append(view[begin:end])
    except UnicodeDecodeError:
        return Cut(bytes(view), ())
    return Cut(b"".join([*kept, view[after:]]), raw, request_id)


def _fields(view: memoryview) -> list[_Field] | None:
    """What is to be cut out of a message, in its order; None where it is none, or has groups, whose fields have numbers
    of their own. Raises InvalidRequest for too many."""
    found: list[_Field] = []
    at, end, number = 0, len(view), 0
    try:
        while at < end:
            number += 1
            if number > _MOST_FIELDS:
                raise InvalidRequest(f"the message has more than {_MOST_FIELDS} fields, the most that are read")
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
                begin, at = at, at + size
                if tag in (_INPUT_CONTENTS, _ID):
                    found.append(_Field(tag, start, begin, at))
            elif kind == _VARINT:
                _, at = _varint(view, at)
            else:
                at += _FIXED[kind]
    except (IndexError, KeyError, ValueError):  # cut short, or groups
        return None
    return found if at == end else None


def with_contents(message: bytes, contents: Iterable[Buffer], request_id: str = "") -> Buffer:
    """A ModelInferResponse with this id, and these raw contents behind it: the one copy of them that is made."""
    parts: list[Buffer] = [message]
    if request_id:
        parts.append(id_field(request_id.encode()))
    for one in contents:
        parts += (contents_tag(one.nbytes if isinstance(one, memoryview) else len(one)), one)
    return joined(parts)


def contents_tag(size: int) -> bytes:
    """What stands before raw contents of so many bytes in a ModelInferResponse."""
    return _OUTPUT_CONTENTS + varint(size)


def id_field(coded: bytes) -> bytes:
    """The id of a ModelInferRequest, or of a ModelInferResponse: both have it in the same field."""
    return _ID_TAG + varint(len(coded)) + coded


def in_stream(message: Buffer) -> bytes:
    """A ModelStreamInferResponse of a ModelInferResponse."""
    return b"".join((_INFER_RESPONSE, varint(len(message)), message))


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
