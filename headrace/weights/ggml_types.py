"""The kinds of numbers that GGUF and safetensors hold: rows of bytes -> float32.

Results equal those of ggml's `dequantize_row_*` bit for bit. A block is a run of values along a row; a row is whole
blocks.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from headrace.errors import ModelInvalid
from headrace.weights import ggml_blocks
from headrace.weights.ggml_blocks import Bytes, Floats, Unpacked

CHUNK = 1 << 19
"""Values that are unpacked at a time: their intermediate arrays stay in the processor's cache."""


class Kind(msgspec.Struct, frozen=True):
    """One way to store numbers. `unpack` is None where values are plain numbers."""

    name: str
    values: int  # in a block
    size: int  # bytes of a block
    unpack: Callable[[Bytes], Unpacked] | None = None


def dense(kind: Kind, rows: Bytes) -> Floats:
    """The values [rows, in] of encoded rows [rows, bytes]."""
    if kind.unpack is None:
        return _plain(kind, np.ascontiguousarray(rows))
    count = rows.shape[0]
    width = rows.shape[1] // kind.size * kind.values
    result = np.empty((count, width), np.float32)
    step = max(1, CHUNK // max(width, 1))
    # Infinite and undefined scales are the file's affair: what they make of the values is theirs too.
    with np.errstate(all="ignore"):
        for begin in range(0, count, step):
            part = kind.unpack(_blocks(kind, rows[begin : begin + step]))
            values = result[begin : begin + step].reshape(*part.scales.shape, -1)  # a view
            values[...] = part.codes.reshape(values.shape)
            if part.zero:
                values -= np.float32(part.zero)
            values *= part.scales[:, :, None]
            if part.offsets is not None:
                values += part.offsets[:, :, None]
    return result


def ggml_kind(number: int, where: str) -> Kind:
    """The kind that a GGUF file gives by number. Raises ModelInvalid with the name of one that is not read."""
    name = NUMBERS.get(number)
    if name is None:
        raise ModelInvalid(f"tensor type {number} is unknown; read are {', '.join(READ)}", where)
    if name not in KINDS:
        raise ModelInvalid(f"tensor type {name} is not supported; read are {', '.join(READ)}", where)
    return KINDS[name]


def _blocks(kind: Kind, rows: Bytes) -> Bytes:
    return np.ascontiguousarray(rows).reshape(-1, kind.size)


def _plain(kind: Kind, rows: Bytes) -> Floats:
    if kind.name == "BF16":
        return (rows.view("<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    with np.errstate(all="ignore"):
        return rows.view("<f4" if kind.name == "F32" else "<f2").astype(np.float32)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("F32", 1, 4),
        Kind("F16", 1, 2),
        Kind("BF16", 1, 2),
        Kind("Q4_0", 32, 18, ggml_blocks.q4_0),
        Kind("Q4_1", 32, 20, ggml_blocks.q4_1),
        Kind("Q5_0", 32, 22, ggml_blocks.q5_0),
        Kind("Q5_1", 32, 24, ggml_blocks.q5_1),
        Kind("Q8_0", 32, 34, ggml_blocks.q8_0),
        Kind("Q2_K", 256, 84, ggml_blocks.q2_k),
        Kind("Q3_K", 256, 110, ggml_blocks.q3_k),
        Kind("Q4_K", 256, 144, ggml_blocks.q4_k),
        Kind("Q5_K", 256, 176, ggml_blocks.q5_k),
        Kind("Q6_K", 256, 210, ggml_blocks.q6_k),
        Kind("IQ4_NL", 32, 18, ggml_blocks.iq4_nl),
        Kind("IQ4_XS", 256, 136, ggml_blocks.iq4_xs),
        Kind("MXFP4", 32, 17, ggml_blocks.mxfp4),
    )
}
"""Every kind that is read, by name."""

READ = tuple(KINDS)

NAMES = """
    F32 F16 Q4_0 Q4_1 Q4_2 Q4_3 Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL
    IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 Q4_0_4_4 Q4_0_4_8 Q4_0_8_8 TQ1_0 TQ2_0 IQ4_NL_4_4 IQ4_NL_4_8
    IQ4_NL_8_8 MXFP4 NVFP4 Q1_0 Q2_0
"""

NUMBERS = dict(enumerate(NAMES.split()))
"""ggml's numbers (enum ggml_type)."""
