"""How a decoder is held and computed on a CPU: what was asked for, and the file's own form -> a plan. Pure.

Measured with SmolLM2 (135 M weights): 8-bit codes with a scale a row are the fastest form that stays as exact as a file
of 4 bits or more; 4-bit codes take four fifths of the time where one sequence runs, nine tenths where many do, and cost
a tenth of the likelihood; float32 is the reference. What lies between products of 4-bit codes may as well be bfloat16,
where the processor multiplies it as vectors: that takes a twentieth less where many run, and no likelihood. Where it
has tiles for it (AMX), the plug-in takes these, also for the few rows that are decoded: twice as long for 8 as float32.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import gcd
from typing import Any, Literal

import msgspec

from headrace.errors import ModelInvalid
from headrace.graphs.linear import Precision

Asked = Literal["auto", "f32", "bf16", "int8", "int4"]
KvAsked = Literal["auto", "f32", "f16", "bf16", "u8"]


class Plan(msgspec.Struct, frozen=True):
    """What to build, and how to compile it. `text` says it to people."""

    precision: Precision
    compute: Literal["f32", "bf16"]
    kv: Literal["f32", "f16", "bf16", "u8"]
    rounding_group: int  # activations that share a scale when they meet codes; 0: they are not rounded
    tiles_from: int  # tokens of a step that is computed in bfloat16 by a second graph; 0: none is
    exact: bool  # whether a sequence has the same bits alone and in company, whatever that takes
    text: str

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
) -> Plan:
    """Choose for matrices that the file holds as `kinds`, with rows of `widths`, on a processor with `features`.

    `capped`: whether its attention has a soft cap on its scores, whose cache is float32 (see `capped_attention.py`).
    Raises ModelInvalid where two choices exclude each other, or the model.
    """
    if capped and kv_asked not in ("auto", "f32"):
        raise ModelInvalid(
            f'must be "auto" or "f32", is "{kv_asked}": attention with a soft cap on its scores has a float32 cache',
            "llm.kv_precision",
        )
    chosen = "int8" if asked == "auto" else asked
    has_tiles = "amx_bf16" in features
    fast = chosen == "int4" and "avx512_bf16" in features and (kv_asked == "bf16" or not has_tiles)
    compute: Literal["f32", "bf16"] = "bf16" if fast or chosen == "bf16" else "f32"
    if kv_asked == "bf16" and compute == "f32":
        raise ModelInvalid('bf16 needs `llm.precision = "bf16"`; f16 takes as much memory', "llm.kv_precision")
    precision, rounding_group = PRECISIONS[chosen], ROUNDING[chosen]
    if chosen == "int4":
        rounding_group = shared_group(widths)
        precision = msgspec.structs.replace(precision, group=rounding_group)
    kv = "f32" if capped else _cache(chosen, compute, has_tiles) if kv_asked == "auto" else kv_asked
    tiles = has_tiles and chosen == "int4" and compute == "f32" and (capped or kv == "u8")
    cache = ", with a float32 cache for its soft cap" if capped else ""
    computed = ", computed in bfloat16" if fast else ", prompts computed in bfloat16" if tiles else ""
    return Plan(
        precision=precision,
        compute=compute,
        kv=kv,
        rounding_group=rounding_group,
        tiles_from=MANY_TOKENS if tiles else 0,
        exact=chosen in ("f32", "int8"),
        text=f"{HELD[chosen].format(group=rounding_group)}, from {_listed(kinds)}{computed}{cache}",
    )


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
ROUNDING = {"f32": 0, "bf16": 0, "int8": 64, "int4": 64}
"""Larger groups are faster and cost likelihood: 0.3 % at 64, 1 % at 192."""

MANY_TOKENS = 96
"""Of a step, from which on tiles are quicker: of 64 they take about as long as float32, of 128 two thirds."""

GROUPS = (128, 96, 64, 32)
"""Of 4-bit codes. Still larger ones are no faster."""

HELD = {
    "f32": "float32, exact",
    "bf16": "bfloat16, computed in bfloat16",
    "int8": "8-bit codes with a scale a row",
    "int4": "4-bit codes in groups of {group}, 8-bit ones for the head and the ends of the first and last layers; less"
    " likely answers than the file's own",
}


def _listed(kinds: Iterable[str]) -> str:
    """The file's kinds, the most frequent first."""
    return " and ".join(kind for kind, _ in Counter(kinds).most_common()) or "the graph's own"
