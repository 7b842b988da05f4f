"""A long string in pieces is what it is in one go: that is the slow, obvious version."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.oip.long_text import text_end, utf8

TEXT = st.text(st.sampled_from('"\\n/ a\u00e9\u20ac\U0001f600\ud7ff\t'), max_size=80)


@given(TEXT, st.integers(24, 60), st.booleans())
def test_no_character_is_cut(text: str, piece_bytes: int, ascii_only: bool) -> None:
    written = json.dumps(text, ensure_ascii=ascii_only).encode()
    pieces = list(utf8(memoryview(written)[1:-1], "d", piece_bytes=piece_bytes))
    assert b"".join(pieces).decode() == text
    assert all(len(piece) <= piece_bytes for piece in pieces)
    assert text_end(memoryview(b"[" + written + b',"]'), 1, piece_bytes) == 1 + len(written)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a" * 99 + b"\xff" + b"a" * 99, "d: not UTF-8: .* at byte 99 of a string"),
        (b"a" * 99 + b"\\x" + b"a" * 99, r"d: not JSON: invalid escape character in string \(byte 108\)"),
        (b"\xbf" * 199, "d: not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        list(utf8(memoryview(text), "d", 7, 32))


@pytest.mark.parametrize("element", [b"a", b"\\n", b"\\ud83d\\ude00", "\u20ac".encode()])
def test_of_a_long_string_no_piece_is_long(element: bytes) -> None:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(str)
    text = element * 100_000
    pieces = list(utf8(memoryview(text), "d", piece_bytes=1 << 14))
    assert max(map(len, pieces)) <= 1 << 14
    assert b"".join(pieces).decode() == decoder.decode(b'"%b"' % text)
