"""A long JSON string as UTF-8, a piece at a time. Knows no list."""

from collections.abc import Iterator

import msgspec

from headrace.errors import InvalidRequest
from headrace.protocols.beside import rest
from headrace.protocols.json_body import moved, refusal
from headrace.protocols.oip.json_windows import WINDOW_BYTES, windows

_PIECE_BYTES = 256 << 10  # half a millisecond
_ESCAPE_BYTES = 12  # of the longest, which is two that are one character; a piece is twice as long at least
_TEXT: msgspec.json.Decoder[str] = msgspec.json.Decoder(str)


def text_end(view: memoryview, begin: int, window_bytes: int = WINDOW_BYTES) -> int:
    """Behind the string that begins there. Raises InvalidRequest where it does not end."""
    for at, window in windows(view, begin, window_bytes):
        quote = window.find(b'"')
        if quote >= 0:
            return at + quote + 1
    raise InvalidRequest("not JSON: it ends too early")


def utf8(text: memoryview, where: str, before: int = 0, piece_bytes: int = _PIECE_BYTES) -> Iterator[bytes]:
    """What stands between a string's quotation marks, `before` which there are so many bytes; some at a time.

    Raises InvalidRequest.
    """
    at = 0
    while at < len(text):
        piece = bytes(text[at : at + piece_bytes])
        if at + piece_bytes < len(text):
            piece = piece[: _border(piece, text[at + piece_bytes])]
        yield _read(piece, where, before + at, at)
        at += len(piece)
        rest()


def _border(piece: bytes, following: int) -> int:
    """Up to where there are whole characters, of a piece that is followed by this byte."""
    unescaped = piece.replace(b"\\\\", b"__")
    escape = unescaped.rfind(b"\\", len(piece) - _ESCAPE_BYTES)
    if escape >= 0:
        pair = unescaped[escape - 6 : escape - 2].lower()
        return escape - 6 if pair[:3] == b"\\ud" and pair[3:] in (b"8", b"9", b"a", b"b") else escape
    end = len(piece)
    while following & 0xC0 == 0x80 and end > len(piece) - 3:  # it is within a character
        end -= 1
        following = piece[end]
    return end


def _read(piece: bytes, where: str, before: int, at: int) -> bytes:
    try:
        return _TEXT.decode(b'"%b"' % piece).encode()
    except UnicodeDecodeError as error:
        what = f"not UTF-8: {error.reason} at byte {at + error.start} of a string"
        raise InvalidRequest(what, where) from error
    except msgspec.DecodeError as error:
        raise moved(refusal(error, where), lambda byte: before + byte - 1) from error
