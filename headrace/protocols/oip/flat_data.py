"""A long flat JSON list, read piece by piece: in one go, all who wait for the interpreter would wait for its end."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode, moved
from headrace.protocols.oip.long_text import text_end, utf8
from headrace.types import Buffer

_PIECE_BYTES = 64 << 10  # two milliseconds
_MOST_TIMES, _MOST_TIMES_TEXT = 64, 8  # as large is a piece at most, until the end of an element is found in it
_TAIL_BYTES = 1024  # of a piece, in which its end is mostly found
_TRIED = 3  # of what may be an end
_BEGIN = re.compile(rb"[ \t\r\n]*\[")
_TRUNCATED = "Input data was truncated"
_AFTER_TEXT = re.compile(rb'"[ \t\r\n]*,')


class _WithinElement(Exception):
    """A piece ends within a string, of which the bracket behind it is a part then."""


class LongText(NamedTuple):
    """A string that is long, as the pieces of its UTF-8."""

    utf8: list[bytes]


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

    A string that is longer than a piece may be a LongText. `place` tells an element's path; by itself that is its
    number behind `where`.

    Raises InvalidRequest with the path of the element at fault, or with the byte where `data` is not JSON.
    """
    place = place or (lambda index: f"{where}[{index}]")
    begin = _BEGIN.match(data)
    if begin is None:
        yield decode(decoder, data, where)
        return
    view, done, goes_on = memoryview(data), 0, False
    at = _behind_space(view, begin.end())
    while len(view) - at > 2 * piece_bytes:
        told = partial(_told, decoder, where, place, done, at)
        found = _piece(partial(_read, decoder, told=told), view[at:], piece_bytes, texts)
        if found is None:
            if not texts and len(view) - at <= _MOST_TIMES * piece_bytes:
                break  # it is the last, and blanks behind it
            if not texts:
                raise InvalidRequest(f"is longer than {_MOST_TIMES * piece_bytes} bytes", place(done))
            if view[at] != ord('"'):
                told(b"[" + view[at : at + piece_bytes])  # it is wrong at once
            found = _long_text(view, at, where, piece_bytes)
        values, size, goes_on = found
        yield values
        at, done = _behind_space(view, at + size), done + len(values)
    values = _told(decoder, where, place, done, at, b"[" + view[at:])
    if goes_on and not values:
        raise InvalidRequest(f"not JSON: trailing comma in array (byte {at})", where)
    yield values


class _Found(NamedTuple):
    """Elements of a list, how many bytes they are, and whether the comma behind them is one of those."""

    values: list[Any]
    num_bytes: int
    goes_on: bool = True


def _piece(read: Callable[[bytes], list[Any]], view: memoryview, size: int, texts: bool) -> _Found | None:
    """The first elements; None where no end is found.

    What is read from a border on and ends well ends at a border: within a string it would not be over.
    """
    longer_than, most = 0, size * (_MOST_TIMES_TEXT if texts else _MOST_TIMES)
    while longer_than < len(view) and size <= most:
        window = bytes(view[:size])
        for comma in _after_texts(window, longer_than) if texts else _commas(window, longer_than):
            with suppress(_WithinElement):
                return _Found(read(b"[%b]" % window[:comma]), comma + 1)
        longer_than, size = size, size * 8
    return None


def _long_text(view: memoryview, at: int, where: str, piece_bytes: int) -> _Found:
    """The string that begins there."""
    end = text_end(view, at, piece_bytes)
    pieces = list(utf8(view[at + 1 : end - 1], where, at + 1))
    behind = _behind_space(view, end)
    goes_on = view[behind] == ord(",")
    if not goes_on and view[behind] != ord("]"):
        raise InvalidRequest(f"not JSON: expected ',' or ']' (byte {behind})", where)
    return _Found([LongText(pieces)], behind + goes_on - at, goes_on)


def _behind_space(view: memoryview, at: int) -> int:
    while window := bytes(view[at : at + _TAIL_BYTES]):
        left = window.lstrip(b" \t\r\n")
        at += len(window) - len(left)
        if left:
            break
    return at


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
