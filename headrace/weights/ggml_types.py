"""How GGUF and safetensors lay numbers out in bytes: blocks of codes with scales -> float32, or the codes as they are.

The layouts are those of ggml (ggml-quants.c, structs block_q4_0 to block_q6_K); results equal its `dequantize_row_*`
bit for bit. A block is a run of values along a row; a row is whole blocks.
"""

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Grouped

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

CHUNK = 1 << 19
"""Values that are unpacked at a time: their intermediate arrays stay in the processor's cache."""


class Unpacked(msgspec.Struct, frozen=True):
    """Blocks taken apart: value = (code - zero) * scale + offset. N blocks of B values in G groups."""

    codes: NDArray[np.uint8] | NDArray[np.int8]  # [N, B]
    scales: Floats  # [N, G]
    offsets: Floats | None = None  # [N, G]
    zero: int = 0


class Kind(msgspec.Struct, frozen=True):
    """One way to store numbers. `unpack` is None where values are plain numbers."""

    name: str
    values: int  # in a block
    size: int  # bytes of a block
    bits: int = 0  # of a code
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


def grouped(kind: Kind, rows: Bytes) -> Grouped | None:
    """The codes, scales and offsets of encoded rows [rows, bytes]; None where values are plain numbers."""
    if kind.unpack is None:
        return None
    count = rows.shape[0]
    with np.errstate(all="ignore"):
        part = kind.unpack(_blocks(kind, rows))
        offsets = part.scales * np.float32(-part.zero) if part.zero else part.offsets
    return Grouped(
        codes=part.codes.reshape(count, -1),
        bits=kind.bits,
        scales=part.scales.reshape(count, -1),
        offsets=None if offsets is None else offsets.reshape(count, -1),
    )


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


def _halves(blocks: Bytes, begin: int) -> Floats:
    """The float16 at a byte of each block: [N, 1]."""
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(blocks[:, begin : begin + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: Bytes, run: int) -> Bytes:
    """Codes of 4 bits: of each run of bytes first all the low halves, then all the high ones."""
    runs = packed.reshape(packed.shape[0], -1, run)
    return np.stack([runs & 15, runs >> 4], axis=2).reshape(packed.shape[0], -1)


def _fifth_bits(packed: Bytes) -> Bytes:
    """Bit i of 32 goes to code i, as its bit 4."""
    return np.unpackbits(packed, axis=1, bitorder="little") << np.uint8(4)


def _q4_0(blocks: Bytes) -> Unpacked:
    return Unpacked(_nibbles(blocks[:, 2:], 16), _halves(blocks, 0), zero=8)


def _q4_1(blocks: Bytes) -> Unpacked:
    return Unpacked(_nibbles(blocks[:, 4:], 16), _halves(blocks, 0), _halves(blocks, 2))


def _q5_0(blocks: Bytes) -> Unpacked:
    return Unpacked(_nibbles(blocks[:, 6:], 16) | _fifth_bits(blocks[:, 2:6]), _halves(blocks, 0), zero=16)


def _q5_1(blocks: Bytes) -> Unpacked:
    codes = _nibbles(blocks[:, 8:], 16) | _fifth_bits(blocks[:, 4:8])
    return Unpacked(codes, _halves(blocks, 0), _halves(blocks, 2))


def _q8_0(blocks: Bytes) -> Unpacked:
    return Unpacked(np.ascontiguousarray(blocks[:, 2:]).view(np.int8), _halves(blocks, 0))


def _q4_k(blocks: Bytes) -> Unpacked:
    scales, offsets = _k_scales(blocks)
    return Unpacked(_nibbles(blocks[:, 16:], 32), scales, offsets)


def _q5_k(blocks: Bytes) -> Unpacked:
    scales, offsets = _k_scales(blocks)
    # Bit j of byte i belongs to value i of group j.
    fifth = (blocks[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None]) & 1
    codes = _nibbles(blocks[:, 48:], 32) | (fifth.reshape(-1, 256) << np.uint8(4))
    return Unpacked(codes, scales, offsets)


def _k_scales(blocks: Bytes) -> tuple[Floats, Floats]:
    """Eight scales and eight minima of 6 bits each in 12 bytes; the minima are subtracted."""
    packed = blocks[:, 4:16].reshape(-1, 3, 4)
    first, second, third = packed[:, 0], packed[:, 1], packed[:, 2]
    scales = np.concatenate([first & 63, (third & 15) | ((first >> 2) & 48)], axis=1)
    minima = np.concatenate([second & 63, (third >> 4) | ((second >> 2) & 48)], axis=1)
    return _halves(blocks, 0) * scales.astype(np.float32), -(_halves(blocks, 2) * minima.astype(np.float32))


def _q6_k(blocks: Bytes) -> Unpacked:
    low = _nibbles(blocks[:, :128], 64)
    high = (blocks[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8)[:, None]) & 3
    codes = (low | (high.reshape(-1, 256) << np.uint8(4))).view(np.int8) - np.int8(32)
    scales = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(np.float32)
    return Unpacked(codes, _halves(blocks, 208) * scales)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("F32", 1, 4),
        Kind("F16", 1, 2),
        Kind("BF16", 1, 2),
        Kind("Q4_0", 32, 18, 4, _q4_0),
        Kind("Q4_1", 32, 20, 4, _q4_1),
        Kind("Q5_0", 32, 22, 5, _q5_0),
        Kind("Q5_1", 32, 24, 5, _q5_1),
        Kind("Q8_0", 32, 34, 8, _q8_0),
        Kind("Q4_K", 256, 144, 4, _q4_k),
        Kind("Q5_K", 256, 176, 5, _q5_k),
        Kind("Q6_K", 256, 210, 6, _q6_k),
    )
}
"""Every kind that is read, by name."""

READ = tuple(KINDS)

NAMES = """
    F32 F16 Q4_0 Q4_1 Q4_2 Q4_3 Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL
    IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 Q4_0_4_4 Q4_0_4_8 Q4_0_8_8 TQ1_0 TQ2_0 IQ4_NL_4_4 IQ4_NL_4_8
    IQ4_NL_8_8 MXFP4 NVFP4 Q1_0
"""

NUMBERS = dict(enumerate(NAMES.split()))
"""ggml's numbers (enum ggml_type)."""
