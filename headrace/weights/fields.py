"""Reads a model's description field by field: what is missing or wrong is refused by name."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from headrace.errors import ModelInvalid

LARGEST = 1 << 31
"""No size, count or token id of a model is larger."""

LARGEST_JSON = 256 << 20
"""Bytes of a JSON file; the tokenizers with the most merges have 35 MB."""

LONGEST_SHOWN = 80
"""Characters of a value that is at fault."""


class Fields:
    """A mapping that somebody else wrote. Every fault is a ModelInvalid that names the field and what would be right.

    None counts as absent. A default of None means that the field is required.
    """

    def __init__(self, values: Mapping[str, Any], where: str = "") -> None:
        self.values = values
        self._where = where

    def name(self, key: str) -> str:
        return f"{self._where}: {key}" if self._where.endswith(".json") else f"{self._where}{key}"

    def fault(self, key: str, message: str) -> ModelInvalid:
        return ModelInvalid(message, self.name(key))

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def integer(self, key: str, default: int | None = None, low: int = 1, high: int = LARGEST) -> int:
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fault(key, f"must be a whole number from {low} to {high}, is {_shown(value)}")
        return value

    def number(self, key: str, default: float | None = None, low: float = -math.inf) -> float:
        """A finite number, at least `low`."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < math.inf:
            raise self.fault(key, f"must be a finite number{_at_least(low)}, is {_shown(value)}")
        if not isinstance(value, float) and abs(value) > LARGEST:
            raise self.fault(key, f"must be at most {LARGEST}, is {_shown(value)}")
        return float(value)

    def between(self, key: str, low: float, high: float, default: float | None = None) -> float:
        value = self.number(key, default)
        if not low <= value <= high:
            raise self.fault(key, f"must be a number from {low:g} to {high:g}, is {value:g}")
        return value

    def positive(self, key: str, default: float | None = None) -> float:
        value = self.number(key, default)
        if value <= 0:
            raise self.fault(key, f"must be more than 0, is {value}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self.fault(key, f"must be a text, is {_shown(value)}")
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.fault(key, f"must be true or false, is {_shown(value)}")
        return value

    def items(self, key: str) -> list[Any]:
        value = self._value(key, None)
        if not isinstance(value, list):
            raise self.fault(key, f"must be a list, is {_shown(value)}")
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        values = self.items(key)
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            raise self.fault(key, "must be a list of finite numbers")
        return tuple(float(value) for value in values)

    def part(self, key: str) -> "Fields":
        """The mapping inside; empty where it is absent."""
        value = self._value(key, {})
        if not isinstance(value, dict):
            raise self.fault(key, f"must be an object, is {_shown(value)}")
        return Fields(value, f"{self.name(key)}.")

    def _value(self, key: str, default: Any) -> Any:
        value = self.values.get(key)
        if value is None:
            if default is None:
                raise self.fault(key, "is missing")
            return default
        return value


def read_json(path: Path, where: str = "") -> Any:
    """What a JSON file holds; `where` is how it is called, if not by its name alone.

    Raises ModelInvalid where it is missing, too large or not JSON.
    """
    where = where or path.name
    content = read_whole(path, where)
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ModelInvalid(f"is not JSON: {error}", where) from error


def read_whole(path: Path, where: str = "") -> bytes:
    """A file that is read as one piece. Raises ModelInvalid where it is missing or too large for that."""
    where = where or path.name
    try:
        check_size(path, where)
        return path.read_bytes()
    except OSError as error:
        raise ModelInvalid(f"cannot be read: {error.strerror}", where) from error


def check_size(path: Path, where: str) -> None:
    """Raises ModelInvalid where a file is too large to be read as one piece, and OSError where it is missing."""
    if path.stat().st_size > LARGEST_JSON:
        raise ModelInvalid(f"has more than {LARGEST_JSON} bytes", where)


def json_fields(path: Path, where: str = "") -> Fields:
    """A JSON file that holds one object; an absent file is an empty one."""
    where = where or path.name
    if not path.exists():
        return Fields({}, where)
    value = read_json(path, where)
    if not isinstance(value, dict):
        raise ModelInvalid("must hold one object", where)
    return Fields(value, where)


def _at_least(low: float) -> str:
    return "" if low == -math.inf else f" of at least {low}"


def _shown(value: object) -> str:
    text = repr(value[:LONGEST_SHOWN].tolist() if isinstance(value, np.ndarray) else value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
