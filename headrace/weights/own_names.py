"""What a file calls a tensor of a canonical name, or would call it were it there: for what is wrong with it. Pure."""

import re
from collections.abc import Collection, Mapping

import msgspec

CANONICAL = re.compile(r"(?:layers\.(?P<layer>\d+)\.)?(?P<part>.+?)(?P<bias>_bias)?")

FUSED = {"q": "qkv", "k": "qkv", "v": "qkv", "gate": "gate_up", "up": "gate_up"}


class Canonical(msgspec.Struct, frozen=True):
    """A canonical name, taken apart."""

    layer: str | None
    part: str
    ending: str  # "weight" or "bias"


def taken_apart(canonical: str) -> Canonical:
    match = CANONICAL.fullmatch(canonical)
    assert match is not None
    return Canonical(match["layer"], match["part"], "bias" if match["bias"] else "weight")


def own_part(part: str, known: Mapping[str, str], used: Collection[str]) -> str:
    """Of the names that `known` has of a part, one that the file uses, or whose like it uses, else the first."""
    names = [name for name, canonical in known.items() if canonical in (part, FUSED.get(part))]

    def likely(name: str) -> tuple[bool, bool]:
        stem = name.partition(".")[0]
        return name in used, any(each.startswith(f"{stem}.") for each in used)

    return max(names, key=likely)
