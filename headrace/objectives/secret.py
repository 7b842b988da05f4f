"""Values that settings only point at: what an environment variable or a file holds. They are never shown."""

from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.errors import SettingInvalid

MOST_BYTES = 64 * 1024

Secret = Callable[[], str]
"""Tells it as it is now. Raises OSError or ValueError where it cannot be read any more."""


def secret(said: str, key: str, environment: Mapping[str, str]) -> Secret:
    """What `env:NAME` or `file:PATH` points at; anything else is the value itself.

    A file is read each time, so that it may be exchanged while the server runs. Raises SettingInvalid with `key` where
    there is no such variable, or no such file now.
    """
    kind, _, where = said.partition(":")
    if kind == "env":
        if not environment.get(where):
            raise SettingInvalid(f"the environment has no {where}, or it is empty", key)
        value = environment[where].strip()
        return lambda: value
    if kind == "file":
        path = Path(where)
        try:
            _read(path)
        except (OSError, ValueError) as error:
            raise SettingInvalid(f"{where} cannot be read: {_why(error)}", key) from None
        return lambda: _read(path)
    return lambda: said


def _read(path: Path) -> str:
    if not path.is_file():  # a pipe would have the server wait for its writer
        raise FileNotFoundError(2, "there is no such file")
    with path.open("rb") as file:
        text = file.read(MOST_BYTES).decode().strip()
    if not text:
        raise ValueError("it is empty")
    return text


def _why(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
