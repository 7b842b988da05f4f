"""Matrices become 4-bit codes with a factor and a base for each 32 numbers of a row, as `source/product4.h` reads them.

A number is (code * factor + base) * scale: code and factor 0 to 15, base a signed byte, scale float32, one a row. What
stands in brackets is an 8-bit integer, so that products with the row are sums of integers. What rows of a file in Q4_0
or Q4_1 hold comes out almost as it is: those have a scale and a least number for each 32, too.

Rows are independent, so neither the number of threads nor the size of a piece changes a bit.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.finite import check_finite
from headrace.kernels.panels import HALF, STRETCH, Floats
from headrace.kernels.pieces import each_piece

GROUP, STEP, PANEL = 32, STRETCH, HALF
"""Numbers that share a factor and a base; numbers of a row, and rows, that lie together."""

STEP_BYTES = STEP * PANEL // 2 + 3 * PANEL
LEAST_SCALE = 1e-12
PIECE = 1 << 18
"""Numbers that are rounded at a time: what is in between stays in the cache."""

STRETCHES = np.linspace(1.0, 1.25, 8, dtype=np.float32)
"""Times the least scale that fits all of a row: lower ones lose what is farthest from zero, and much likelihood."""

BASE_ERROR = np.float32(1 / 256)
"""What rounding a base costs, beside the square of what a factor is off: codes multiply that, up to 15 times."""

Bytes = NDArray[np.uint8]


Read = Callable[[int, int], Floats]
"""Rows of a matrix, from one to another, as numbers; called from several threads at a time."""


def packed(read: Read, rows: int, width: int) -> tuple[Bytes, Floats]:
    """The codes of a matrix [rows, width] in panels, all that a row shares beside them, and the rows' scales [rows].

    It is read a few panels at a time, an even number of them.
    """
    panels, steps = -(-rows // PANEL), -(-width // STEP)
    out, scales = np.empty((panels, steps, STEP_BYTES), np.uint8), np.empty(rows, np.float32)
    count = 2 * max(1, PIECE // (2 * steps * STEP * PANEL))

    def fill(begin: int, end: int) -> None:
        cut = slice(begin * PANEL, min(end * PANEL, rows))
        codes, factors, bases, scales[cut] = coded(_padded(read(cut.start, cut.stop)))
        _pack(codes, factors, bases, out[begin:end])

    each_piece(panels, count, fill)
    return out.reshape(-1), scales


def coded(values: Floats) -> tuple[Bytes, Bytes, NDArray[np.int8], Floats]:
    """Codes [out, groups, 32], factors and bases [out, groups], scales [out]; the width is one of whole groups.

    The factor is the least that spans the group or the one below, by squared error. The base is at first such that what
    a factor does not span is lost on both sides alike, then moved to where the codes fit best.
    """
    grouped = values.reshape(len(values), -1, GROUP)
    scaled = np.ascontiguousarray(grouped.transpose(2, 0, 1))  # long stretches for numpy, a group's number at each
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    scales = _scales(low, high)
    inverse = 1 / scales[:, None]
    low, high = low * inverse, high * inverse
    np.multiply(scaled, np.repeat(inverse, low.shape[1], axis=1), out=scaled)
    room = np.empty_like(scaled)
    spans = np.ceil((high - low) / 15 - np.float32(1e-4))
    factors, others = np.clip(spans, 1, 15), np.clip(spans - 1, 1, 15)
    bases, other_bases = (_base((low + high - 15 * tried) / 2) for tried in (factors, others))
    better = _error(scaled, others, other_bases, room) < _error(scaled, factors, bases, room)
    factors, bases = np.where(better, others, factors), np.where(better, other_bases, bases)
    codes = _codes(scaled, factors, bases, room)
    bases = _base(scaled.mean(axis=0) - codes.mean(axis=0) * factors)
    codes = _codes(scaled, factors, bases, room).astype(np.uint8)
    return np.ascontiguousarray(codes.transpose(1, 2, 0)), factors.astype(np.uint8), bases.astype(np.int8), scales


def integers(codes: Bytes, factors: Bytes, bases: NDArray[np.int8]) -> NDArray[np.int8]:
    """The 8-bit integers [out, in] that are meant: what the kernel makes of them."""
    wide = codes.astype(np.int16) * factors[:, :, None] + bases[:, :, None]
    return wide.astype(np.int8).reshape(len(codes), -1)


def _scales(low: Floats, high: Floats) -> Floats:
    """Of the scales around the least that fits, the one whose multiples are nearest to all groups' steps."""
    steps = (high - low) / 15
    least = np.maximum(steps.max(axis=1) / 15, np.maximum(high, -low).max(axis=1) / 127)
    check_finite(least)
    least = np.maximum(least, np.float32(LEAST_SCALE))
    tried = least * STRETCHES[:, None]
    wanted = steps / tried[:, :, None]
    off = np.rint(wanted)
    np.clip(off, 1, 15, out=off)
    np.subtract(off, wanted, out=off)
    errors = (np.einsum("srg,srg->sr", off, off) + off.shape[2] * BASE_ERROR) * (STRETCHES * STRETCHES)[:, None]
    best: Floats = np.take_along_axis(tried, errors.argmin(axis=0)[None], axis=0)[0]
    return best


def _base(wanted: Floats) -> Floats:
    return np.clip(np.rint(wanted), -128, 127)


def _codes(scaled: Floats, factors: Floats, bases: Floats, out: Floats) -> Floats:
    """Whole numbers 0 to 15, into `out` [32, rows, groups]; code * factor + base is at most 127."""
    inverse = 1 / factors
    np.multiply(scaled, inverse, out=out)
    np.subtract(out, bases * inverse, out=out)
    np.rint(out, out=out)
    np.maximum(out, 0, out=out)
    return np.minimum(out, np.minimum(15, np.floor((127 - bases) * inverse)), out=out)


def _error(scaled: Floats, factors: Floats, bases: Floats, room: Floats) -> Floats:
    codes = _codes(scaled, factors, bases, room)
    np.multiply(codes, factors, out=codes)
    np.add(codes, bases, out=codes)
    np.subtract(codes, scaled, out=codes)
    errors: Floats = np.multiply(codes, codes, out=codes).sum(axis=0)
    return errors


def _padded(values: Floats) -> Floats:
    """Whole steps: repeats what is last, which neither changes what a group spans nor meets any input but zero."""
    width = values.shape[1]
    return values if width % STEP == 0 else np.pad(values, ((0, 0), (0, -width % STEP)), mode="edge")


def _pack(codes: Bytes, factors: Bytes, bases: NDArray[np.int8], out: Bytes) -> None:
    panels, steps, _ = out.shape
    rows, half = panels * PANEL, STEP * PANEL // 2
    four = _whole(codes.reshape(len(codes), -1), rows).view(np.uint32).reshape(panels, PANEL, steps, 2, 8)
    both = four[:, :, :, 0] | four[:, :, :, 1] << 4  # [panel, row, step, i]
    out[:, :, :half].view(np.uint32).reshape(panels, steps, 8, PANEL)[...] = both.transpose(0, 2, 3, 1)
    two = _whole(bases.view(np.uint8), rows).reshape(panels, PANEL, steps, 2)
    out[:, :, half:-PANEL].reshape(panels, steps, 2, PANEL)[...] = two.transpose(0, 2, 3, 1)
    two = _whole(factors, rows).reshape(panels, PANEL, steps, 2)
    out[:, :, -PANEL:] = (two[..., 0] | two[..., 1] << 4).transpose(0, 2, 1)


def _whole(rows: Bytes, count: int) -> Bytes:
    """With rows of zeros up to `count`."""
    missing = count - len(rows)
    return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)]) if missing else rows
