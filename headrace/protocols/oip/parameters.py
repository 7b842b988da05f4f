"""Request parameters that the protocol itself gives a meaning, the same over HTTP and gRPC."""

import re
from collections.abc import Mapping

from headrace.errors import InvalidRequest
from headrace.protocols.limits import MAX_MS, MAX_PRIORITY, Limits
from headrace.types import Parameter

_TRACEPARENT = re.compile(
    r"(?=00.{53}\Z|(?!00|ff).{55}(?:\Z|-))[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
"""Of version 00 nothing follows, of a later one there may be more behind another dash."""

_OWN = frozenset(("timeout", "priority", "binary_data_output"))
_STREAMING = "triton_enable_empty_final_response"
_MAX_TIMEOUT_US = MAX_MS * 1000


def limited(limits: Limits, parameters: Mapping[str, Parameter]) -> Limits:
    """What was said beside the parameters, tightened by their `timeout` (µs) and with their `priority`.

    A timeout of 0 is none. Raises InvalidRequest where one of them is not an integer that it may be, and where the
    priority is another than was said before.
    """
    if "timeout" in parameters and (timeout_us := _integer(parameters, "timeout", _MAX_TIMEOUT_US)):
        limits = limits.within(timeout_us * 1000)
    if "priority" in parameters:
        limits = limits.ranked(_integer(parameters, "priority", MAX_PRIORITY), "parameters.priority")
    return limits


def forwarded(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters that go on to the model. Raises InvalidRequest for names that are reserved."""
    for name in parameters:
        if name == "headers" or (name.startswith("triton_") and name != _STREAMING):
            raise InvalidRequest("this name is reserved and must not be sent", f"parameters.{name}")
    return {name: value for name, value in parameters.items() if name not in _OWN}


def trace_of(traceparent: str) -> str:
    """A W3C traceparent as far as version 00 has it, or "" where it is none: a wrong one is to be ignored."""
    found = _TRACEPARENT.match(traceparent) if traceparent else None
    return found[0] if found else ""


def _integer(parameters: Mapping[str, Parameter], name: str, most: int) -> int:
    value = parameters[name]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise InvalidRequest(f"{value!r} is not an integer from 0 to {most}", f"parameters.{name}")
    return value
