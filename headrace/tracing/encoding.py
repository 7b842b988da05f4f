"""Spans, and whose they are, as the bytes of OpenTelemetry's protocol: those that its own encoder makes, in
a hundredth of the time.

The fields are those of `opentelemetry/proto/trace/v1/trace.proto`, `resource/v1/resource.proto` and
`common/v1/common.proto`. A field is its number and kind in a byte, then what is in it; text, bytes and messages
have their length before them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import pack
from typing import Any

from headrace.tracing.spans import Attribute, Place, Span
from headrace.varint import varint

_REMOTE_IS_KNOWN, _IS_REMOTE = 0x100, 0x200
_SERVER, _INTERNAL = 2, 1
_ERROR = b"\x18\x02"


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
    is_remote = bool(span.parent_id) and span.remote_parent
    return b"".join(
        [
            _place(span.place),
            b"\x22\x08" + span.parent_id.to_bytes(8) if span.parent_id else b"",
            _sized(b"\x2a", _text(span.name)) if span.name else b"",
            b"\x30",
            varint(_SERVER if span.server else _INTERNAL),
            pack("<BQBQ", 0x39, span.start_ns, 0x41, span.end_ns),
            *_attributes(b"\x4a", span.attributes),
            *[_sized(b"\x6a", _place(place) + pack("<BI", 0x35, _REMOTE_IS_KNOWN)) for place in span.links],
            _sized(b"\x7a", _sized(b"\x12", _text(span.error)) + _ERROR if span.error else b""),
            pack("<BBI", 0x85, 0x01, _REMOTE_IS_KNOWN | (_IS_REMOTE if is_remote else 0)),
        ]
    )


def _attributes(field: bytes, named: Mapping[str, Attribute]) -> list[bytes]:
    return [_sized(field, _key(name) + _sized(b"\x12", _value(value))) for name, value in named.items()]


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
