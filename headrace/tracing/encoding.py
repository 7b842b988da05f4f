"""Spans as the bytes of OpenTelemetry's protocol: those that its own encoder makes, in a tenth of the time.

Field numbers are those of `opentelemetry/proto/trace/v1/trace.proto` and `common/v1/common.proto`.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import cache

from headrace.tracing.spans import Attribute, Place, Span

_SERVER, _INTERNAL = 2, 1  # kinds of spans
_ERROR = 2  # a status
_REMOTE_IS_KNOWN, _IS_REMOTE = 0x100, 0x200  # flags

_times = struct.Struct("<cQcQ").pack
_flags = struct.Struct("<I").pack
_double = struct.Struct("<cd").pack


def field(number: int, data: bytes) -> bytes:
    """One that holds bytes: text or a message."""
    return _tag(number, 2) + varint(len(data)) + data


def span_field(number: int, span: Span) -> bytes:
    """A span as the field of another message."""
    parts = [
        _place(span.place),
        field(4, span.parent_id.to_bytes(8)) if span.parent_id else b"",
        field(5, _text(span.name)),
        _tag(6, 0),
        varint(_SERVER if span.server else _INTERNAL),
        _times(_tag(7, 1), span.start_ns, _tag(8, 1), span.end_ns),
        _attributes(9, span.attributes) if span.attributes else b"",
        b"".join([field(13, _place(place) + _tag(6, 5) + _flags(_REMOTE_IS_KNOWN)) for place in span.links]),
        field(15, field(2, _text(span.error)) + _tag(3, 0) + varint(_ERROR) if span.error else b""),
        _tag(16, 5),
        _flags(_REMOTE_IS_KNOWN | (_IS_REMOTE if span.parent_id and span.remote_parent else 0)),
    ]
    return field(number, b"".join(parts))


def varint(value: int) -> bytes:
    """An integer, seven bits a byte; of a negative one the 64 bits that it is."""
    if 0 <= value < 0x80:
        return value.to_bytes()
    value &= (1 << 64) - 1
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _place(place: Place) -> bytes:
    """The ids that spans and links begin with."""
    return b"\x0a\x10" + place.trace_id.to_bytes(16) + b"\x12\x08" + place.span_id.to_bytes(8)


def _attributes(number: int, attributes: Mapping[str, Attribute]) -> bytes:
    return b"".join([field(number, _key(name) + field(2, _value(value))) for name, value in attributes.items()])


def _value(value: Attribute) -> bytes:
    if isinstance(value, str):
        return field(1, _text(value))
    if isinstance(value, bool):
        return _tag(2, 0) + varint(value)
    if isinstance(value, int):
        return _tag(3, 0) + varint(value)
    if isinstance(value, float):
        return _double(_tag(4, 1), value)
    return field(5, _values(value))


def _values(values: Sequence[str]) -> bytes:
    return b"".join([field(1, _value(value)) for value in values])


@cache
def _key(name: str) -> bytes:
    """An attribute's name: there are few."""
    return field(1, _text(name))


@cache
def _tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def _text(text: str) -> bytes:
    """Text that is no UTF-8 would have the whole message refused."""
    return text.encode("utf-8", "replace")
