"""A model.toml or config.pbtxt as it lies there: no larger than may be, and nothing that takes a parser without end.

Knows no key of theirs.
"""

import re
from pathlib import Path

from headrace.errors import ModelInvalid
from headrace.repository.references import check_readable

MAX_BYTES = 1 << 20
MAX_PARTS = 16  # of a dotted key: Python's reader takes memory by the square of their number
MAX_DIGITS = 100

_COMMENTS_AND_STRINGS = re.compile(
    r"""\#[^\n]*+|"{3}(?:[^"\\]++|\\[\s\S]|"{1,2}(?!"))*+(?:"{3,5})?|'{3}(?:[^']++|'{1,2}(?!'))*+(?:'{3,5})?"""
    r"""|"(?:[^"\\\n]++|\\.)*+"?|'[^'\n]*+'?"""
)
"""One that is not closed is the parser's to refuse: here it goes on to its end, so that no place is looked at twice."""

_NUMBER = re.compile(rf"(?<![\w.-])[+-]?[0-9][0-9a-zA-Z_]{{{MAX_DIGITS}}}")
_KEYS = str.maketrans("", "", " \t-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


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


def check_toml(text: str, source: str) -> None:
    """Raises ModelInvalid where a key has so many parts, or a number so many digits, that it takes long."""
    bare = _COMMENTS_AND_STRINGS.sub("", text)  # what is left has dots in keys, and one in a number
    if "." * MAX_PARTS in bare.translate(_KEYS):
        raise ModelInvalid(f"has a key of more than {MAX_PARTS} parts", source)
    if _NUMBER.search(bare):
        raise ModelInvalid(f"has a number of more than {MAX_DIGITS} digits", source)
