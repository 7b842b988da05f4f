"""A model.toml or config.pbtxt as it lies there: no larger than may be. Knows no key of theirs."""

from pathlib import Path

from headrace.errors import ModelInvalid
from headrace.repository.references import check_readable

MAX_BYTES = 1 << 20


def read_configuration(path: Path, source: str) -> bytes:
    """What the file holds; `source` names it in errors.

    Raises ModelInvalid where it is too large, a pipe, a socket or a device, and OSError where it cannot be read.
    """
    check_readable(path)
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ModelInvalid(f"is larger than {MAX_BYTES >> 20} MiB, too much for a configuration", source)
    return content
