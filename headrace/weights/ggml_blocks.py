"""ggml's blocks taken apart: bytes -> codes, and the scale and offset of each group of them.

The layouts are those of ggml-common.h (structs block_q4_0 to block_mxfp4). A block of 32 values is one group with a
scale of its own; one of 256 (`_K`, `_XS`) has 8 or 16 groups, whose scales are small codes times one of the block.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Unpacked(msgspec.Struct, frozen=True):
    """Blocks taken apart: value = (code - zero) * scale + offset. N blocks of B values in G groups."""

    codes: NDArray[np.uint8] | NDArray[np.int8]  # [N, B]
    scales: Floats  # [N, G]
    offsets: Floats | None = None  # [N, G]
    zero: int = 0


UNEVEN = bytes(code & 255 for code in (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113))
"""What 4 bits stand for in IQ4: steps that are smaller where numbers are frequent (kvalues_iq4nl)."""

E2M1 = bytes(code & 255 for code in (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12))
"""And in MXFP4: floats with two bits of exponent and one of mantissa, times two (kvalues_mxfp4)."""


def q4_0(blocks: Bytes) -> Unpacked:
    return Unpacked(_nibbles(blocks[:, 2:], 16), _halves(blocks, 0), zero=8)


def q4_1(blocks: Bytes) -> Unpacked:
    return Unpacked(_nibbles(blocks[:, 4:], 16), _halves(blocks, 0), _halves(blocks, 2))


def q5_0(blocks: Bytes) -> Unpacked:
    return Unpacked(_nibbles(blocks[:, 6:], 16) | _fifth_bits(blocks[:, 2:6]), _halves(blocks, 0), zero=16)


def q5_1(blocks: Bytes) -> Unpacked:
    codes = _nibbles(blocks[:, 8:], 16) | _fifth_bits(blocks[:, 4:8])
    return Unpacked(codes, _halves(blocks, 0), _halves(blocks, 2))


def q8_0(blocks: Bytes) -> Unpacked:
    return Unpacked(np.ascontiguousarray(blocks[:, 2:]).view(np.int8), _halves(blocks, 0))


def iq4_nl(blocks: Bytes) -> Unpacked:
    return Unpacked(_meant(_nibbles(blocks[:, 2:], 16), UNEVEN), _halves(blocks, 0))


def mxfp4(blocks: Bytes) -> Unpacked:
    """The scale is a power of two alone, here halved since the codes are doubled; 2^-128 and 2^-127 are subnormal."""
    scales = np.ldexp(np.float32(1), blocks[:, :1].astype(np.int32) - 128)
    return Unpacked(_meant(_nibbles(blocks[:, 1:], 16), E2M1), scales)


def q2_k(blocks: Bytes) -> Unpacked:
    """Of each byte of scales the lower half is a group's scale, the upper one its minimum, which is subtracted."""
    packed = blocks[:, :16]
    scales = _halves(blocks, 80) * (packed & 15).astype(np.float32)
    return Unpacked(_pairs(blocks[:, 16:80], 32), scales, -(_halves(blocks, 82) * (packed >> 4).astype(np.float32)))


def q3_k(blocks: Bytes) -> Unpacked:
    codes = _pairs(blocks[:, 32:96], 32) | (_planes(blocks[:, :32]) << np.uint8(2))
    packed = _nibbles(blocks[:, 96:104], 8) | (_pairs(blocks[:, 104:108], 4) << np.uint8(4))
    return Unpacked(_signed(codes, 4), _halves(blocks, 108) * _signed(packed, 32).astype(np.float32))


def q4_k(blocks: Bytes) -> Unpacked:
    scales, offsets = _k_scales(blocks)
    return Unpacked(_nibbles(blocks[:, 16:], 32), scales, offsets)


def q5_k(blocks: Bytes) -> Unpacked:
    scales, offsets = _k_scales(blocks)
    codes = _nibbles(blocks[:, 48:], 32) | (_planes(blocks[:, 16:48]) << np.uint8(4))
    return Unpacked(codes, scales, offsets)


def q6_k(blocks: Bytes) -> Unpacked:
    codes = _nibbles(blocks[:, :128], 64) | (_pairs(blocks[:, 128:192], 32) << np.uint8(4))
    scales = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(np.float32)
    return Unpacked(_signed(codes, 32), _halves(blocks, 208) * scales)


def iq4_xs(blocks: Bytes) -> Unpacked:
    """The scales' lower four bits lie behind their upper two."""
    packed = _nibbles(blocks[:, 4:8], 1) | (_pairs(blocks[:, 2:4], 1) << np.uint8(4))
    scales = _halves(blocks, 0) * _signed(packed, 32).astype(np.float32)
    return Unpacked(_meant(_nibbles(blocks[:, 8:], 16), UNEVEN), scales)


def _k_scales(blocks: Bytes) -> tuple[Floats, Floats]:
    """Eight scales and eight minima of 6 bits each in 12 bytes; the minima are subtracted."""
    packed = blocks[:, 4:16].reshape(-1, 3, 4)
    first, second, third = packed[:, 0], packed[:, 1], packed[:, 2]
    scales = np.concatenate([first & 63, (third & 15) | ((first >> 2) & 48)], axis=1)
    minima = np.concatenate([second & 63, (third >> 4) | ((second >> 2) & 48)], axis=1)
    return _halves(blocks, 0) * scales.astype(np.float32), -(_halves(blocks, 2) * minima.astype(np.float32))


def _halves(blocks: Bytes, begin: int) -> Floats:
    """The float16 at a byte of each block: [N, 1]."""
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(blocks[:, begin : begin + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: Bytes, run: int) -> Bytes:
    """Codes of 4 bits: of each run of bytes first all the low halves, then all the high ones."""
    runs = packed.reshape(packed.shape[0], -1, run)
    return np.stack([runs & 15, runs >> 4], axis=2).reshape(packed.shape[0], -1)


def _pairs(packed: Bytes, run: int) -> Bytes:
    """Codes of 2 bits: of each run of bytes first all the lowest pairs of bits, then the next, to the highest."""
    runs = packed.reshape(packed.shape[0], -1, 1, run)
    return ((runs >> np.array([0, 2, 4, 6], np.uint8)[:, None]) & np.uint8(3)).reshape(packed.shape[0], -1)


def _planes(packed: Bytes) -> Bytes:
    """Codes of 1 bit: of all bytes first the lowest bits, then the next, to the highest."""
    planes = (packed[:, None] >> np.arange(8, dtype=np.uint8)[:, None]) & np.uint8(1)
    return planes.reshape(packed.shape[0], -1)


def _fifth_bits(packed: Bytes) -> Bytes:
    """Bit i of 32 goes to code i, as its bit 4."""
    return np.unpackbits(packed, axis=1, bitorder="little") << np.uint8(4)


def _signed(codes: Bytes, zero: int) -> NDArray[np.int8]:
    return codes.view(np.int8) - np.int8(zero)


def _meant(codes: Bytes, table: bytes) -> NDArray[np.int8]:
    """What codes stand for."""
    return np.frombuffer(table, np.int8).take(codes)
