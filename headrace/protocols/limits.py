"""What headers or metadata say of a request's time, rank, owner and variant: read the same in every protocol.

All of it counts from the request's arrival, so that a head that comes again need not be read again. Knows no clock.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.tenants import MAX_NAME, is_tenant
from headrace.types import Context

MAX_MS = 3_600_000
MAX_PRIORITY = 9

Headers = Sequence[tuple[str | bytes, str | bytes]]

_DECIMAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_SHOWN = 60  # characters of a wrong value


class Limits(msgspec.Struct, frozen=True):
    """Times in nanoseconds from arrival; None where the client did not say."""

    deadline_ns: int | None = None
    ttft_ns: int | None = None
    tpot_ns: int | None = None
    priority: int | None = None
    tenant: str = ""
    min_accuracy: float = 0.0
    variant: str = ""

    def context(self, arrived_ns: int, protocol: str, trace: str = "", headers: Headers = ()) -> Context:
        """The context of a request that arrived then, with these headers or metadata."""
        if self is UNSAID:
            return Context(arrived_ns, protocol, None, 0, trace, headers=headers)
        return Context(
            arrived_ns,
            protocol,
            None if self.deadline_ns is None else arrived_ns + self.deadline_ns,
            self.priority or 0,
            trace,
            self.tenant,
            self.min_accuracy,
            self.ttft_ns,
            self.tpot_ns,
            self.variant,
            headers,
        )

    def within(self, deadline_ns: int | None) -> "Limits":
        """The same, and no later than that."""
        if deadline_ns is None or (self.deadline_ns is not None and self.deadline_ns <= deadline_ns):
            return self
        return msgspec.structs.replace(self, deadline_ns=deadline_ns)

    def ranked(self, priority: int | None, where: str) -> "Limits":
        """The same, with a priority that was also said elsewhere. Raises InvalidRequest where the two differ."""
        if priority is None or priority == self.priority:
            return self
        if self.priority is not None:
            raise InvalidRequest(f"says {priority}, and the header x-priority {self.priority}; send one of them", where)
        return msgspec.structs.replace(self, priority=priority)


UNSAID = Limits()
"""Of most requests."""


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> Limits:
    """What HTTP headers say; names are in lower case. Raises InvalidRequest, which names the header at fault."""
    said = [(_NAMES[name], value) for name, value in headers if name in _NAMES]
    if not said:
        return UNSAID
    # spaces behind a value are not part of it (RFC 9110, 5.5), and not every parser takes them away
    return _read([(name, value.strip(b" \t").decode("utf-8", "surrogateescape")) for name, value in said])


def read_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> Limits:
    """What a gRPC call's metadata says. Raises InvalidRequest, which names the key at fault."""
    said = [(name, value) for name, value in metadata if name in _FIELDS]
    return _read([(name, value) for name, value in said if isinstance(value, str)]) if said else UNSAID


def _read(said: Iterable[tuple[str, str]]) -> Limits:
    found: dict[str, Any] = {}
    for name, value in said:
        field, read = _FIELDS[name]
        if field in found:
            raise InvalidRequest("is sent twice; send it once", name)
        found[field] = read(value, name)
    return Limits(**found)


def _duration_ns(value: str, name: str) -> int:
    if _DECIMAL.fullmatch(value) and 0 < float(value) <= MAX_MS:
        return max(1, round(float(value) * 1e6))
    raise InvalidRequest(f"{_shown(value)} is not a number of milliseconds above 0 and at most {MAX_MS}", name)


def _priority(value: str, name: str) -> int:
    if len(value) == 1 and value in "0123456789":
        return int(value)
    raise InvalidRequest(f"{_shown(value)} is not 0, the default, or a level from 1, the highest, to 9", name)


def _tenant(value: str, name: str) -> str:
    if is_tenant(value):
        return value
    raise InvalidRequest(f"{_shown(value)} is not a name of 1 to {MAX_NAME} printable characters", name)


def _accuracy(value: str, name: str) -> float:
    if _DECIMAL.fullmatch(value) and float(value) <= 1:
        return float(value)
    raise InvalidRequest(f"{_shown(value)} is not a number from 0 to 1", name)


def _variant(value: str, name: str) -> str:
    if _VARIANT.fullmatch(value):
        return value
    raise InvalidRequest(f"{_shown(value)} is no name of a variant: 1 to 64 letters, digits, '.', '_' or '-'", name)


def _shown(value: str) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."


_FIELDS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "x-slo-ms": ("deadline_ns", _duration_ns),
    "x-slo-ttft-ms": ("ttft_ns", _duration_ns),
    "x-slo-tpot-ms": ("tpot_ns", _duration_ns),
    "x-priority": ("priority", _priority),
    "x-tenant": ("tenant", _tenant),
    "x-min-accuracy": ("min_accuracy", _accuracy),
    "x-variant": ("variant", _variant),
}
_NAMES = {name.encode(): name for name in _FIELDS}
