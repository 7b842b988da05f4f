"""One parameter of a tensor, read as the type that it must have."""

from collections.abc import Mapping

from headrace.errors import InvalidRequest
from headrace.types import Parameter


def integer(parameters: Mapping[str, Parameter], name: str, where: str, default: int | None = None) -> int:
    """An integer of 0 or more. Raises InvalidRequest, also where it is left out and there is no default."""
    value = parameters.get(name, default)
    if value is None:
        raise InvalidRequest("is missing", f"{where}.{name}")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidRequest(f"{value!r} is not an integer of 0 or more", f"{where}.{name}")
    return value


def flag(parameters: Mapping[str, Parameter], name: str, where: str, default: bool = False) -> bool:
    """True or false. Raises InvalidRequest."""
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{value!r} is neither true nor false", f"{where}.{name}")
    return value


def text(parameters: Mapping[str, Parameter], name: str, where: str) -> str:
    """A string. Raises InvalidRequest, also where it is left out."""
    value = parameters.get(name)
    if value is None:
        raise InvalidRequest("is missing", f"{where}.{name}")
    if not isinstance(value, str):
        raise InvalidRequest(f"{value!r} is not a string", f"{where}.{name}")
    return value
