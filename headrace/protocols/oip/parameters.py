"""Request parameters that the protocol itself gives a meaning, the same over HTTP and gRPC."""

import re
from collections.abc import Mapping

from headrace.errors import InvalidRequest
from headrace.types import Context, Parameter

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_OWN = frozenset(("timeout", "priority", "binary_data_output"))
_STREAMING = "triton_enable_empty_final_response"
_MAX_PRIORITY = 2**32 - 1
_MAX_TIMEOUT_US = 2**63 // 1000 - 1


def read_context(
    parameters: Mapping[str, Parameter], arrived_ns: int, protocol: str, trace: str = "", deadline_ns: int | None = None
) -> Context:
    """The context of a request: its `timeout` (µs), or the protocol's own deadline if that is sooner, and `priority`.

    Raises InvalidRequest where one of them is not an integer that it may be.
    """
    if not parameters:
        return Context(arrived_ns, protocol, deadline_ns, 0, trace)
    timeout_us = _integer(parameters, "timeout", _MAX_TIMEOUT_US)
    if timeout_us:
        timeout_ns = arrived_ns + timeout_us * 1000
        deadline_ns = timeout_ns if deadline_ns is None else min(deadline_ns, timeout_ns)
    return Context(arrived_ns, protocol, deadline_ns, _integer(parameters, "priority", _MAX_PRIORITY), trace)


def forwarded(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters that go on to the model. Raises InvalidRequest for names that are reserved."""
    for name in parameters:
        if name == "headers" or (name.startswith("triton_") and name != _STREAMING):
            raise InvalidRequest("this name is reserved and must not be sent", f"parameters.{name}")
    return {name: value for name, value in parameters.items() if name not in _OWN}


def trace_of(traceparent: str) -> str:
    """A W3C traceparent as it is, or "" where it is none: a wrong one is to be ignored."""
    return traceparent if traceparent and _TRACEPARENT.match(traceparent) else ""


def _integer(parameters: Mapping[str, Parameter], name: str, most: int) -> int:
    value = parameters.get(name, 0)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise InvalidRequest(f"{value!r} is not an integer from 0 to {most}", f"parameters.{name}")
    return value
