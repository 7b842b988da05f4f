"""Amounts of memory as people write and read them. Pure."""

import re

SIZE = r"^(\d+(\.\d+)?\s?([KMGT]i?B?|B)|(100|\d{1,2})(\.\d+)?\s?%)?$"
"""What a setting of memory may be: bytes with a unit, a share of the whole, or nothing."""

_UNITS = {"": 1} | {
    unit: base**power
    for power, letter in enumerate("KMGT", start=1)
    for unit, base in ((letter, 1000), (f"{letter}i", 1024))
}


def size_bytes(said: str, whole_bytes: int) -> int | None:
    """The bytes meant by a text that `SIZE` matches; a share is of `whole_bytes`. None: nothing is said."""
    if not said:
        return None
    if said.endswith("%"):
        return int(whole_bytes * float(said[:-1]) / 100)
    found = re.fullmatch(r"([\d.]+)\s?([KMGT]?i?)B?", said)
    assert found, said
    return int(float(found[1]) * _UNITS[found[2]])


def shown(num_bytes: float) -> str:
    """As in 512.0 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(num_bytes) < 1024 or unit == "GiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.0f} B" if unit == "B" else f"{num_bytes:.1f} {unit}"
