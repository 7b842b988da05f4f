"""How much memory the key-value cache gets, from what the setting says and what is free. Pure."""

import re

UNITS = {"": 1} | {
    unit: base**power
    for power, letter in enumerate("KMGT", start=1)
    for unit, base in ((letter, 1000), (f"{letter}i", 1024))
}

AUTO_SHARE = 0.5
"""Of the free memory: the rest is for activations, the prompt's logits, and the machine's other work."""


def kv_memory_bytes(asked: str | int | float, free_bytes: int) -> int:
    """Bytes for the cache: `asked` is a value of `llm.kv_memory`, which the settings have checked.

    `free_bytes` is what is free once the model is loaded. A share is of that; bytes are as they are said, be they free
    or not.
    """
    if asked == "auto":
        return int(AUTO_SHARE * free_bytes)
    if isinstance(asked, str):
        number, unit = re.fullmatch(r"([\d.]+)\s?((?:[KMGT]i?)?)B?", asked).groups()  # type: ignore[union-attr]
        if unit or asked.endswith("B") or "." not in number:
            return int(float(number) * UNITS[unit])
        asked = float(number)
    return int(asked * free_bytes) if isinstance(asked, float) else asked


def said_bytes(asked: str | int | float) -> int | None:
    """The bytes that a value of `llm.kv_memory` names; None where it is a share of what is free, or auto."""
    first, other = (kv_memory_bytes(asked, free) for free in (0, 1 << 40))
    return first if first == other else None


def blocks(kv_bytes: int, block_bytes: int, block_size: int, max_sequences: int, max_context: int) -> int:
    """Blocks that fit, block 0 included, and no more than so many sequences of the longest context need."""
    needed = max_sequences * -(-max_context // block_size)
    return min(kv_bytes // block_bytes, needed + 1)
