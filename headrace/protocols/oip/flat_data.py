"""A long flat JSON list, read piece by piece: in one go, all who wait for the interpreter would wait for its end."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode, moved
from headrace.types import Buffer

_PIECE_BYTES = 64 << 10  # two milliseconds
_TAIL_BYTES = 1024  # of a piece, in which its end is mostly found
_TRIED = 3  # of what may be an end
_BEGIN = re.compile(rb"[ \t\r\n]*\[")
_TRUNCATED = "Input data was truncated"
_AFTER_TEXT = re.compile(rb'"[ \t\r\n]*,')


class _WithinElement(Exception):
    """A piece ends within a string, of which the bracket behind it is a part then."""


def read_flat(
    decoder: msgspec.json.Decoder[list[Any]],
    data: Buffer,
    where: str,
    place: Callable[[int], str] | None = None,
    *,
    texts: bool,
    piece_bytes: int = _PIECE_BYTES,
) -> Iterator[list[Any]]:
    """The elements of a JSON list that is not nested, some at a time; `texts` says that they are strings.

    `place` tells an element's path; by itself that is its number behind `where`.

    Raises InvalidRequest with the path of the element at fault, or with the byte where `data` is not JSON.
    """
    place = place or (lambda index: f"{where}[{index}]")
    begin = _BEGIN.match(data)
    if begin is None:
        yield decode(decoder, data, where)
        return
    view, at, done = memoryview(data), begin.end(), 0
    while len(view) - at > 2 * piece_bytes:
        found = _piece(
            partial(_read, decoder, told=partial(_told, decoder, where, place, done, at)), view[at:], piece_bytes, texts
        )
        if found is None:
            break
        values, size = found
        yield values
        at, done = at + size, done + len(values)
    yield _told(decoder, where, place, done, at, b"[" + view[at:])


def _piece(
    read: Callable[[bytes], list[Any]], view: memoryview, size: int, texts: bool
) -> tuple[list[Any], int] | None:
    """The first elements, and how many bytes they are with the comma behind them; None where no end is found.

    What is read from a border on and ends well ends at a border: within a string it would not be over.
    """
    longer_than = 0
    while longer_than < len(view):
        window = bytes(view[:size])
        for comma in _after_texts(window, longer_than) if texts else _commas(window, longer_than):
            with suppress(_WithinElement):
                return read(b"[%b]" % window[:comma]), comma + 1
        longer_than, size = size, size * 8
    return None


def _commas(window: bytes, longer_than: int) -> Iterator[int]:
    comma = window.find(b",", longer_than) if longer_than else window.rfind(b",")
    if comma > 0:
        yield comma


def _after_texts(window: bytes, longer_than: int) -> Iterator[int]:
    """Commas that seem to stand behind a string, the last first; where none was found in so many bytes, the next ones.

    Of any two that follow each other one does: else it is the first character of a string.
    """
    if longer_than:
        yield from islice(_ends(window, longer_than), _TRIED)
        return
    for begin in (max(0, len(window) - _TAIL_BYTES), 0):
        yield from list(_ends(window, begin))[: -_TRIED - 1 : -1]


def _ends(window: bytes, begin: int) -> Iterator[int]:
    for found in _AFTER_TEXT.finditer(window, begin):
        if not _is_escaped(window, found.start()):
            yield found.end() - 1


def _is_escaped(window: bytes, at: int) -> bool:
    before = window[max(0, at - 64) : at]
    if before == b"\\" * 64:
        before = window[:at]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def _read(decoder: msgspec.json.Decoder[list[Any]], piece: bytes, told: Callable[[bytes], list[Any]]) -> list[Any]:
    """The elements of a piece, or what is `told` where something is wrong. Raises _WithinElement."""
    try:
        return decoder.decode(piece)
    except msgspec.DecodeError as error:
        if str(error) == _TRUNCATED:
            raise _WithinElement from error
        return told(piece)
    except UnicodeDecodeError:
        return told(piece)


def _told(
    decoder: msgspec.json.Decoder[list[Any]],
    where: str,
    place: Callable[[int], str],
    done: int,
    at: int,
    piece: bytes,
) -> list[Any]:
    """The elements of a piece, `done` elements and `at` bytes into the list: what is wrong is told with that."""
    try:
        return decode(decoder, piece, where)
    except InvalidRequest as error:
        element = re.match(r"\[([0-9]+)\]", error.where.removeprefix(where))
        if element is None:
            raise moved(error, lambda byte: at - 1 + byte) from error
        raise InvalidRequest(error.message, place(done + int(element[1]))) from error
