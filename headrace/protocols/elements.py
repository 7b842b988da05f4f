"""How many elements JSON is of, counted in its bytes: all others would wait while very many are decoded, and for each
reader of them further on."""

from collections.abc import Iterable

import numpy as np

from headrace.errors import InvalidRequest
from headrace.types import Buffer

LONG_BYTES = 128 << 10
"""What is shorter has no more elements than may be."""

MOST_ELEMENTS = 1 << 20  # by their commas: ten milliseconds where they are numbers
MOST_NAMED = 128 << 10  # of those that have a name, by their colons: each takes five times as long
MOST_NESTED = 64 << 10  # arrays and objects: each is made, walked through and made again in a model's process

_WINDOW_BYTES = 1 << 20


def check_elements(body: Buffer) -> None:
    """Raises InvalidRequest for a body of more elements than may be."""
    if not _too_many(_all(body)):
        return
    if _too_many(outside_strings(body)):  # what is in a text takes no time
        raise InvalidRequest(
            f"the body is of more than {MOST_ELEMENTS} elements, {MOST_NAMED} of them with names, or {MOST_NESTED} "
            "arrays and objects, by its commas, colons and brackets; that is the most"
        )


def check_nested_texts(texts: Iterable[str], where: str) -> None:
    """Raises InvalidRequest where texts that are to be decoded as JSON have more arrays and objects than may be."""
    many = [text for text in texts if text]
    if sum(text.count("[") + text.count("{") for text in many) <= MOST_NESTED:
        return
    if sum(outside_strings(text.encode())[2] for text in many) > MOST_NESTED:
        raise InvalidRequest(f"has calls whose arguments are of more than {MOST_NESTED} arrays and objects", where)


def _too_many(counts: tuple[int, int, int]) -> bool:
    return any(count > most for count, most in zip(counts, (MOST_ELEMENTS, MOST_NAMED, MOST_NESTED), strict=True))


def _all(body: Buffer) -> tuple[int, int, int]:
    """Commas, colons and brackets, those in strings among them."""
    view = memoryview(body)
    parts = (bytes(view[at : at + _WINDOW_BYTES]) for at in range(0, len(view), _WINDOW_BYTES))
    return _sum(_counted(part) for part in parts)


def outside_strings(body: Buffer, window_bytes: int = _WINDOW_BYTES) -> tuple[int, int, int]:
    """Commas, colons and brackets that are in no string, as far as the body is JSON."""
    return _sum(_counted(part) for part in _parts_outside(memoryview(body), window_bytes))


def _parts_outside(view: memoryview, window_bytes: int) -> Iterable[bytes]:
    at, within = 0, 0
    while at < len(view):
        end = min(at + window_bytes, len(view))
        while end < len(view) and view[end - 1] == ord("\\"):
            end += 1  # what it escapes belongs to it
        part = bytes(view[at:end]).replace(b"\\\\", b"__").replace(b'\\"', b"__")
        found = np.frombuffer(part, np.uint8)
        quotes = np.cumsum(found == ord('"'), dtype=np.uint8) + np.uint8(within)
        yield found[quotes & 1 == 0].tobytes()
        at, within = end, int(quotes[-1]) & 1


def _counted(part: bytes) -> tuple[int, int, int]:
    return part.count(b","), part.count(b":"), part.count(b"[") + part.count(b"{")


def _sum(counts: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    commas = colons = brackets = 0
    for more in counts:
        commas, colons, brackets = commas + more[0], colons + more[1], brackets + more[2]
    return commas, colons, brackets
