"""Errors as HTTP statuses and gRPC codes: the one table."""

from typing import NamedTuple

from headrace.errors import HeadraceError


class Status(NamedTuple):
    """What each protocol calls an error; gRPC's codes by number, so that HTTP needs no gRPC."""

    http: int
    grpc: int


_CANCELLED, _INVALID_ARGUMENT, _DEADLINE_EXCEEDED, _NOT_FOUND = 1, 3, 4, 5
_PERMISSION_DENIED, _RESOURCE_EXHAUSTED, _ABORTED, _UNIMPLEMENTED, _INTERNAL, _UNAVAILABLE = 7, 8, 10, 12, 13, 14

STATUS: dict[str, Status] = {
    "invalid_request": Status(400, _INVALID_ARGUMENT),
    "body_too_large": Status(413, _RESOURCE_EXHAUSTED),
    "body_too_slow": Status(408, _DEADLINE_EXCEEDED),
    "headers_too_large": Status(431, _RESOURCE_EXHAUSTED),
    "method_not_allowed": Status(405, _UNIMPLEMENTED),
    "input_refused": Status(400, _INVALID_ARGUMENT),
    "context_length_exceeded": Status(400, _INVALID_ARGUMENT),
    "not_found": Status(404, _NOT_FOUND),
    "model_not_found": Status(404, _NOT_FOUND),
    "version_not_found": Status(404, _NOT_FOUND),
    "forbidden": Status(403, _PERMISSION_DENIED),
    "conflict": Status(409, _ABORTED),
    "not_kept": Status(507, _RESOURCE_EXHAUSTED),
    "unsupported": Status(501, _UNIMPLEMENTED),
    "unavailable": Status(503, _UNAVAILABLE),
    "model_unavailable": Status(503, _UNAVAILABLE),
    "queue_full": Status(503, _RESOURCE_EXHAUSTED),
    "would_be_late": Status(429, _RESOURCE_EXHAUSTED),
    "rate_limited": Status(429, _RESOURCE_EXHAUSTED),
    "memory_full": Status(503, _RESOURCE_EXHAUSTED),
    "worker_lost": Status(503, _UNAVAILABLE),
    "draining": Status(503, _UNAVAILABLE),
    "deadline_exceeded": Status(504, _DEADLINE_EXCEEDED),
    "cancelled": Status(499, _CANCELLED),
    "model_invalid": Status(400, _INVALID_ARGUMENT),
    "setting_invalid": Status(400, _INVALID_ARGUMENT),
    "internal": Status(500, _INTERNAL),
}
"""By the stable code of `errors.py`."""


def status_of(error: HeadraceError) -> Status:
    """The HTTP status and the gRPC code of an error."""
    return STATUS[error.code]
