"""Amounts of memory as people write and read them. Pure."""

import re

AUTO_SHARE = 0.9
"""Of what the control group allows: the rest is for what comes between two measurements."""

_UNITS = {"": 1} | {
    unit: base**power
    for power, letter in enumerate("KMGT", start=1)
    for unit, base in ((letter, 1000), (f"{letter}i", 1024))
}


def size_bytes(said: str, whole_bytes: int, limit_bytes: int | None = None) -> int | None:
    """The bytes meant by a value of `memory.budget`; a share is of `whole_bytes`. None: there is no budget.

    `limit_bytes` is what the control group allows, where it sets a limit: `auto` goes by it.
    """
    if said == "auto":
        return None if limit_bytes is None else int(AUTO_SHARE * limit_bytes)
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
