"""Where a verb's results go: a file, or standard output."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from headrace.cli.failure import Failure


def as_json(value: Any) -> str:
    """A value as indented lines."""
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"


def write(name: str, text: str) -> None:
    """Into the file of that name; `-` is standard output. Raises Failure."""
    if name == "-":
        sys.stdout.write(text)
        return
    try:
        Path(name).write_text(text)
    except OSError as error:
        raise Failure(f"{name} cannot be written: {error.strerror or error}") from error
