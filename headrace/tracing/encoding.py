"""Spans, and whose they are, as the bytes of OpenTelemetry's protocol: those that its own encoder makes, in
a hundredth of the time.

The fields are those of `opentelemetry/proto/trace/v1/trace.proto`, `resource/v1/resource.proto` and
`common/v1/common.proto`. A field is its number and kind in a byte, then what is in it; text, bytes and messages
have their length before them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct, pack
from typing import Any

from headrace.tracing.spans import Attribute, Place, Span
from headrace.varint import varint

_KINDS = {True: b"\x30\x02", False: b"\x30\x01"}  # whether it is of a server, or internal
_TIMES = Struct("<BQBQ")
_ERROR = b"\x18\x02"
_NO_ERROR = b"\x7a\x00"
_FLAGS = {True: b"\x85\x01\x00\x03\x00\x00", False: b"\x85\x01\x00\x01\x00\x00"}  # it is known whether it is remote
_LINK = b"\x6a\x21"  # with its length
_LINK_FLAGS = b"\x35\x00\x01\x00\x00"


def message(resource: bytes, version: str, spans: Iterable[bytes]) -> bytes:
    """All that a collector is sent at once: `resource` is whose the spans are, `version` the server's."""
    scope = _sized(b"\x0a", _text("headrace")) + _sized(b"\x12", _text(version))
    scoped = b"".join([_sized(b"\x0a", scope), *[_sized(b"\x12", span) for span in spans]])
    return _sized(b"\x0a", _sized(b"\x0a", resource) + _sized(b"\x12", scoped))


def resource_message(attributes: Mapping[str, Any]) -> bytes:
    """The server that spans are of, whose attributes are values as a span's are."""
    return b"".join(_attributes(b"\x0a", attributes))


def span_message(span: Span) -> bytes:
    """A span, its times in Unix nanoseconds."""
    name, place, parent_id, remote_parent, server, start_ns, end_ns, attributes, links, error, state = span
    parts = [
        _place(place),
        _sized(b"\x1a", _text(state)) if state else b"",
        b"\x22\x08" + parent_id.to_bytes(8) if parent_id else b"",
        _name(name),
        _KINDS[server],
        _TIMES.pack(0x39, start_ns, 0x41, end_ns),
    ]
    if attributes:
        parts += _attributes(b"\x4a", attributes)
    for linked in links:
        parts += (_LINK, _place(linked), _LINK_FLAGS)
    parts.append(_sized(b"\x7a", _sized(b"\x12", _text(error)) + _ERROR) if error else _NO_ERROR)
    parts.append(_FLAGS[parent_id != 0 and remote_parent])
    return b"".join(parts)


def _attributes(field: bytes, named: Mapping[str, Attribute]) -> list[bytes]:
    return [
        _attribute(field, name, value) if type(value) in _PLAIN else _made(field, name, value)
        for name, value in named.items()
    ]


def _made(field: bytes, name: str, value: Attribute) -> bytes:
    return _sized(field, _key(name) + _sized(b"\x12", _value(value)))


_PLAIN = frozenset((str, bool, int))
_attribute = lru_cache(maxsize=1024, typed=True)(_made)
"""Most come again: names of models, numbers of rows."""


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    """Of a span; there are few."""
    return _sized(b"\x2a", _text(name)) if name else b""


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    """There are few."""
    return _sized(b"\x0a", _text(name))


def _value(value: Attribute) -> bytes:
    if isinstance(value, str):
        return _sized(b"\x0a", _text(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(value & (1 << 64) - 1)
    if isinstance(value, float):
        return b"\x21" + pack("<d", value)
    return _sized(b"\x2a", _values(value))


def _values(several: Sequence[str]) -> bytes:
    return b"".join([_sized(b"\x0a", _value(each)) for each in several])


def _place(place: Place) -> bytes:
    return b"\x0a\x10" + place.trace_id.to_bytes(16) + b"\x12\x08" + place.span_id.to_bytes(8)


def _sized(field: bytes, content: bytes) -> bytes:
    return field + varint(len(content)) + content


def _text(text: str) -> bytes:
    """Text that is no UTF-8 would have the whole message refused."""
    return text.encode("utf-8", "replace")
