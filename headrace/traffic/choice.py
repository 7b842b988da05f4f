"""Which version answers a request that names none: by weights, drawn or by a key that stays with its version. Pure."""

import re
from collections.abc import Collection, Mapping
from hashlib import blake2b

import msgspec

from headrace.traffic.plans import Plans
from headrace.types import Context

_HEADER = re.compile(r"header:([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})")
WHAT_IS_A_KEY = '"header:NAME" with the name of a header, "tenant", or nothing to draw each request'


class Choice(msgspec.Struct, frozen=True):
    """Versions that are ready, each up to a point between 0 and 1; the last one's is 1."""

    parts: tuple[tuple[int, float], ...]
    key: str = ""
    salt: str = ""  # so that one user is not the first to see every model's news

    def pick(self, context: Context, drawn: float) -> int:
        """The version; `drawn` from [0, 1) decides where the request says nothing at the key."""
        said = said_at(self.key, context) if self.key else b""
        point = point_of(self.salt, said) if said else drawn
        return next((version for version, end in self.parts if point < end), self.parts[-1][0])

    def shares(self) -> dict[int, float]:
        """How much of all requests each version gets."""
        ends = [0.0, *(end for _, end in self.parts)]
        return {version: end - begin for (version, end), begin in zip(self.parts, ends, strict=False)}


def choice_of(
    model: str, plans: Plans, ready: Collection[int], failed: Collection[int] = (), *, halted: bool = False
) -> Choice | None:
    """What decides for this model now: a rollout, else a split; None: neither, or none of their versions is ready.

    A rollout that is `halted` gives the new version nothing. What an absent version would get, or one of the ready that
    have `failed`, goes to the others, as far as there are any.
    """
    rollout, split = plans.rollout, plans.split
    if rollout:
        share = 0.0 if halted else rollout.share
        weights: Mapping[int, float] = {rollout.to: share, rollout.base: 1 - share}
        key = rollout.key
    elif split:
        weights, key = dict(sorted(split.weights.items())), split.key
    else:
        return None
    there = {version: weight for version, weight in weights.items() if version in ready and weight > 0}
    there = {version: weight for version, weight in there.items() if version not in failed} or there
    total, end, parts = sum(there.values()), 0.0, []
    for version, weight in there.items():
        end += weight / total
        parts.append((version, end))
    return Choice((*parts[:-1], (parts[-1][0], 1.0)), key, model) if parts else None


def point_of(salt: str, said: bytes) -> float:
    """The same for the same, and evenly from [0, 1) over all."""
    digest = blake2b(said, digest_size=8, key=salt.encode()[:64]).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def is_key(text: str) -> bool:
    return text in ("", "tenant") or _HEADER.fullmatch(text) is not None


def said_at(key: str, context: Context) -> bytes:
    """What a request says at a key; empty where it says nothing."""
    if key == "tenant":
        return context.tenant.encode("utf-8", "surrogateescape")
    name = key.removeprefix("header:").lower()
    raw = name.encode()
    for sent, value in context.headers:
        if sent in (name, raw):
            return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return b""
