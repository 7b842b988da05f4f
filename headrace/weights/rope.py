"""Rotary frequencies and the ways to stretch them over longer texts: bases and factors -> a Rope.

Rotary positions are RoFormer's (arXiv 2104.09864): pair i of d values is turned by position * base^(-2i/d).
"""

import math

import numpy as np
from numpy.typing import NDArray

from headrace.weights.checkpoint import Rope

FEWEST_TURNS, MOST_TURNS = 1e-6, 1e6
"""Of a pair in the original context, that YaRN's borders may lie at: with others its logarithms have no value."""

Frequencies = NDArray[np.float64]
"""Radians a position, [d / 2]."""


def plain(width: int, base: float) -> Frequencies:
    """Unscaled, for `width` rotated values of a head."""
    return np.power(base, -(np.arange(0, width, 2, dtype=np.float64) / width))


def linear(frequencies: Frequencies, factor: float) -> Frequencies:
    """Positions are interpolated (arXiv 2306.15595)."""
    return frequencies / factor


def llama3(
    frequencies: Frequencies, factor: float, low_factor: float, high_factor: float, original: int
) -> Frequencies:
    """Llama 3.1's: long waves are stretched, short ones kept, those between blended by their length.

    A wave is long that turns less than `low_factor` times in the `original` context, short above `high_factor`.
    """
    turns = original * frequencies / (2 * math.pi)
    kept = np.clip((turns - low_factor) / (high_factor - low_factor), 0.0, 1.0)
    return (1 - kept) * frequencies / factor + kept * frequencies


def yarn(
    width: int, base: float, factor: float, original: int, *, fast: float = 32.0, slow: float = 1.0, whole: bool = True
) -> Frequencies:
    """YaRN (arXiv 2309.00071, section 3.2): pairs that turn more than `fast` times in the original context are kept,
    those that turn less than `slow` times stretched; between, by their index. `whole`: the borders are rounded outward.
    """
    first, last = (width * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(base)) for turns in (fast, slow))
    low = max(math.floor(first) if whole else first, 0.0)
    high = min(math.ceil(last) if whole else last, width - 1.0)
    stretched = np.clip((np.arange(width // 2, dtype=np.float64) - low) / max(high - low, 0.001), 0.0, 1.0)
    return plain(width, base) * (stretched / factor + (1 - stretched))


def yarn_scale(factor: float, weight: float = 1.0) -> float:
    """What YaRN multiplies cosine and sine by, for a sharper attention over longer texts (its equation 22)."""
    return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0


def longrope_scale(factor: float, original: int) -> float:
    """The same of LongRoPE (arXiv 2402.13753, as Phi 3 has it)."""
    return 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))


def rope(frequencies: Frequencies, scale: float = 1.0) -> Rope:
    return Rope(tuple(frequencies.tolist()), scale)
