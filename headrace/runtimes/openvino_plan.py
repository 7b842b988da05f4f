"""How a decoder is held and computed on a CPU: what was asked for, and the file's own form -> a plan. Pure.

Measured with SmolLM2 (135 M weights): 8-bit codes with a scale a row are the fastest form that stays as exact as a file
of 4 bits or more; 4-bit codes take four fifths of the time where one sequence runs, nine tenths where many do, and cost
a tenth of the likelihood; float32 is the reference. What lies between products of 4-bit codes may as well be bfloat16,
where the processor multiplies it as vectors: that takes a twentieth less where many run, and no likelihood. Where it
has tiles for it (AMX), the plug-in takes these, also for the few rows that are decoded: twice as long for 8 as float32.

Our own kernels (`headrace/kernels`) multiply whole numbers on these tiles: with codes of 8 bits a step takes three
fifths of the plug-in's time from 8 sequences on. 4-bit ones, which have a factor and a base for 32, take less still,
and cost a hundredth of the likelihood.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import gcd
from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.errors import ModelInvalid
from headrace.graphs.linear import Precision
from headrace.kernels.codes4 import GROUP
from headrace.kernels.library import NONE, Library
from headrace.runtimes.four_bits import EIGHT_BITS, in_words

Asked = Literal["auto", "f32", "bf16", "int8", "int4"]
Kv = Literal["f32", "f16", "bf16", "u8"]
KvAsked = Literal["auto", "f32", "f16", "bf16", "u8"]

Kernels = Literal["auto", "openvino"]
"""What multiplies weights: ours, where they are the quicker ones, or OpenVINO's always."""


class Plan(msgspec.Struct, frozen=True):
    """What to build, and how to compile it. `text` says it to people."""

    precision: Precision
    compute: Literal["f32", "bf16"]
    kv: Kv
    rounding_group: int  # activations that share a scale when they meet codes; 0: they are not rounded
    tiles_from: int  # tokens of a step that is computed in bfloat16 by a second graph; 0: none is
    exact: bool  # whether a sequence has the same bits alone and in company, whatever that takes
    text: str
    tile_attention: bool = False  # by our own kernel

    def tiles_options(self, threads: int) -> Mapping[str, Any]:
        """Those of the second graph, which reads and writes the same cache."""
        return {**self.options(threads), "INFERENCE_PRECISION_HINT": "bf16"}

    def options(self, threads: int) -> Mapping[str, Any]:
        """For the CPU plug-in. One stream: sequences share a step, steps do not share the cores."""
        return {
            "INFERENCE_PRECISION_HINT": self.compute,
            "KV_CACHE_PRECISION": self.kv,
            "KEY_CACHE_QUANT_MODE": "BY_TOKEN",  # a key stays as it is while its block fills
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": self.rounding_group,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # several workers would pin their threads to the same cores
        }


def plan(
    asked: Asked,
    kv_asked: KvAsked,
    kinds: Iterable[str],
    widths: Iterable[int] = (),
    features: Collection[str] = (),
    capped: bool = False,
    kernels: Library = NONE,
    heads_fit: bool = True,
) -> Plan:
    """Choose for matrices that the file holds as `kinds`, with rows of `widths`, on a processor with `features`.

    `capped`: whether its attention has a soft cap on its scores, whose cache is float32 (see `capped_attention.py`).
    `kernels`: our own for this processor; `heads_fit`: whether they compute attention with heads of this size.
    Raises ModelInvalid where two choices exclude each other, or the model.
    """
    chosen = "int8" if asked == "auto" else asked
    tiled = kernels.path is not None and chosen in TILED
    allowed = OWN_CAPPED if tiled and heads_fit else CAPPED
    if kernels.path is not None and tiled and kv_asked != "bf16":
        own_cache = heads_fit and kv_asked in OWN_CACHE
        kv = "u8" if own_cache else _cap_or(capped, kv_asked, "u8", allowed)
        cache = _cache_in_words(kv, for_cap=capped and not heads_fit)
        return _on_tiles(chosen, kv, own_cache, f"{_listed(kinds)}, multiplied on tiles{cache}", kernels.path)
    has_tiles = "amx_bf16" in features
    fast = chosen == "int4" and "avx512_bf16" in features and (kv_asked == "bf16" or not has_tiles)
    compute: Literal["f32", "bf16"] = "bf16" if fast or chosen == "bf16" else "f32"
    kv = _cap_or(capped, kv_asked, _cache(chosen, compute, has_tiles), allowed)
    if kv == "bf16" and compute == "f32":
        raise ModelInvalid('bf16 needs `llm.precision = "bf16"`; f16 takes as much memory', "llm.kv_precision")
    precision, rounding_group, widths = PRECISIONS[chosen], ROUNDING[chosen], list(widths)
    if chosen == "int4":
        rounding_group = shared_group(widths)
        precision = msgspec.structs.replace(precision, group=rounding_group)
    tiles = has_tiles and chosen == "int4" and compute == "f32" and (capped or kv == "u8")
    cache = _cache_in_words(kv, for_cap=True) if capped else ""
    computed = ", computed in bfloat16" if fast else ", prompts computed in bfloat16" if tiles else ""
    lacks = OTHER_CACHE if tiled else kernels.lacks
    hint = f"; would be quicker with {lacks}" if chosen in TILED and lacks else ""
    return Plan(
        precision=precision,
        compute=compute,
        kv=kv,
        rounding_group=rounding_group,
        tiles_from=MANY_TOKENS if tiles else 0,
        exact=chosen in ("f32", "int8"),
        text=f"{_held(chosen, widths, rounding_group)}, from {_listed(kinds)}{computed}{cache}{hint}",
    )


def _on_tiles(chosen: Asked, kv: Kv, own_cache: bool, source: str, library: Path) -> Plan:
    """Multiplied by our kernels, which add whole numbers: a sequence has the same bits alone and in company."""
    precision = msgspec.structs.replace(TILED[chosen], library=library)
    return Plan(
        precision=precision,
        compute="f32",
        kv=kv,
        rounding_group=ROUNDING[chosen],
        tiles_from=0,
        exact=True,
        tile_attention=own_cache,
        text=f"{_held(chosen, (), precision.group)}, from {source}",
    )


def _cap_or(capped: bool, asked: KvAsked, chosen: Kv, allowed: str) -> Kv:
    """The cache's form, `chosen` where that is left open. Raises ModelInvalid where a soft cap has others `allowed`."""
    if not capped:
        return chosen if asked == "auto" else asked
    if asked not in ("auto", "f32"):
        why = "attention with a soft cap on its scores has no other cache"
        raise ModelInvalid(f'must be {allowed}, is "{asked}": {why}', "llm.kv_precision")
    return "f32"


def _cache_in_words(kv: Kv, for_cap: bool) -> str:
    """Its form where that is not the usual one, and whether a soft cap is why."""
    return "" if kv == "u8" else f", with a {NUMBERS[kv]} cache{' for its soft cap' if for_cap else ''}"


def _cache(weights: Asked, compute: Literal["f32", "bf16"], has_tiles: bool) -> Literal["u8", "f16"]:
    """How the cache is held where it is left to choose.

    u8 takes half of the memory of f16, and a sixteenth more of a step of 32 texts of a hundred tokens if that is
    computed in float32; in bfloat16 it takes less, and there f16 cannot be had.
    """
    return "f16" if weights == "int4" and compute == "f32" and not has_tiles else "u8"


def shared_group(widths: Iterable[int]) -> int:
    """Of 4-bit codes, and of the activations that meet them, which must be the same: the largest that divides all rows.

    Where none does, rows that 64 does not divide have codes of 8 bits.
    """
    common = gcd(*widths)
    return next((group for group in GROUPS if common and common % group == 0), ROUNDING["int4"])


PRECISIONS: Mapping[str, Precision] = {
    "f32": Precision("f32", "f32"),
    "bf16": Precision("bf16", "bf16"),
    "int8": Precision("int8", "int8"),
    "int4": Precision("int4", "int8", 64, edges="int8"),
}
TILED: Mapping[str, Precision] = {
    "int8": Precision("tiles8", "tiles8"),
    "int4": Precision("tiles4", "tiles8", GROUP, edges="tiles8"),
}
"""By our own kernels."""

OWN_CACHE = ("auto", "u8")
"""What may be asked for where our own kernel computes attention; its caches are of 8-bit codes."""

OTHER_CACHE = "another llm.kv_precision than bf16, by headrace's own kernels"
"""What a model lacks that could be multiplied by our kernels, and is not for its cache."""

CAPPED, OWN_CAPPED = '"auto" or "f32"', '"auto", "u8" or "f32"'
"""What may be asked for where attention has a soft cap, without and with our own kernel."""

NUMBERS = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}

ROUNDING = {"f32": 0, "bf16": 0, "int8": 64, "int4": 64}
"""Larger groups are faster and cost likelihood: 0.3 % at 64, 1 % at 192."""

MANY_TOKENS = 96
"""Of a step, from which on tiles are quicker: of 64 they take about as long as float32, of 128 two thirds."""

GROUPS = (128, 96, 64, 32)
"""Of 4-bit codes. Still larger ones are no faster."""

HELD = {
    "f32": "float32, exact",
    "bf16": "bfloat16, computed in bfloat16",
    "int8": EIGHT_BITS,
}

IN_EIGHT = ("the head", "the ends of the first and last layers")
"""What has codes of 8 bits where all else has 4."""


def _held(chosen: Asked, widths: Sequence[int], group: int) -> str:
    """The form, in words; rows of `widths` need the group that divides them."""
    if chosen != "int4":
        return HELD[chosen]
    cost = "; less likely answers than the file's own"
    return in_words(f"4-bit codes in groups of {group}", widths, group, IN_EIGHT, cost)


def _listed(kinds: Iterable[str]) -> str:
    """The file's kinds, the most frequent first."""
    return " and ".join(kind for kind, _ in Counter(kinds).most_common()) or "the graph's own"
