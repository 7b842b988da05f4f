"""When to ask again, as gRPC's richer errors say it: a google.rpc.Status that holds a google.rpc.RetryInfo.

Both messages are two fields each, and written here by hand; what they are made of comes with protobuf.
"""

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from headrace.varint import varint

DETAILS = "grpc-status-details-bin"
"""The metadata that clients read it from."""

_TYPE = "type.googleapis.com/google.rpc.RetryInfo"


def retry_details(code: int, message: str, retry_after_s: float) -> bytes:
    """The details of a refusal with that code and those words."""
    delay_ns = max(1_000_000, round(retry_after_s * 1e9))
    delay = Duration(seconds=delay_ns // 1_000_000_000, nanos=delay_ns % 1_000_000_000)
    retry_info = _field(1, delay.SerializeToString())
    detail = Any(type_url=_TYPE, value=retry_info).SerializeToString()
    text = message.encode("utf-8", "backslashreplace")
    return b"\x08" + varint(code) + _field(2, text) + _field(3, detail)


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content
