"""Maximum mean discrepancy by random Fourier features: whether two samples of vectors share one distribution."""

import math
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

FEATURES = 64
SEED = 7
PAIRS = 500  # of rows, whose median distance is the kernel's width

Vectors = NDArray[np.float64]


class Kernel(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a reference: how vectors become features, the features' mean, and how they vary."""

    centre: Vectors
    scale: Vectors
    frequencies: Vectors  # (width, FEATURES / 2)
    mean: Vectors
    spectrum: Vectors  # the eigenvalues of the features' covariance, without those of nothing


def kernel(reference: Vectors, features: int = FEATURES) -> Kernel:
    """Of a reference (rows, width): Gaussian, as wide as two of its vectors are apart."""
    centre, scale = reference.mean(0), reference.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    random = np.random.default_rng(SEED)
    normed = (reference - centre) / scale
    one, other = random.integers(0, len(normed), (2, PAIRS))
    width = float(np.median(np.sqrt(np.square(normed[one] - normed[other]).sum(1)))) or 1.0
    frequencies = random.standard_normal((reference.shape[1], features // 2)) / width
    mapped = _map(normed, frequencies)
    spectrum = np.linalg.eigvalsh(np.cov(mapped, rowvar=False))
    return Kernel(centre, scale, frequencies, mapped.mean(0), spectrum[spectrum > spectrum[-1] * 1e-9])


def mmd(vectors: Vectors, of: Kernel) -> float:
    """The squared discrepancy of vectors from the reference."""
    apart = _map((vectors - of.centre) / of.scale, of.frequencies).mean(0) - of.mean
    return float(apart @ apart)


def mmd_threshold(alpha: float, of: Kernel, current: float, reference: float) -> float:
    """What it is above with chance `alpha` where nothing changed; found once for a reference and kept.

    There it is a sum of chi-squares of 1 degree, weighted by the spectrum; its tail is Lugannani and Rice's.
    """
    return _critical(alpha, tuple(of.spectrum.tolist())) * (1 / current + 1 / reference)


@lru_cache(maxsize=1024)
def _critical(alpha: float, spectrum: tuple[float, ...]) -> float:
    weights = np.array(spectrum) / sum(spectrum)
    low, high = 1.0 + 1e-6, 1.0 + 4 * math.sqrt(-math.log(alpha)) - 4 * math.log(alpha) * float(weights[-1])
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, weights) > alpha else (low, middle)
    return (low + high) / 2 * sum(spectrum)


def tail(x: float, weights: Vectors) -> float:
    """The chance that a weighted sum of chi-squares of 1 degree is above `x`, which lies above its mean."""
    low, high = 0.0, (1 - 1e-12) / (2 * float(weights.max()))
    for _ in range(60):
        s = (low + high) / 2
        slope = float((weights / (1 - 2 * s * weights)).sum())
        low, high = (s, high) if slope < x else (low, s)
    left = 1 - 2 * s * weights
    w = math.sqrt(max(2 * (s * x + 0.5 * float(np.log(left).sum())), 1e-12))
    v = s * math.sqrt(2 * float(np.square(weights / left).sum()))
    return 0.5 * math.erfc((w + math.log(v / w) / w) / math.sqrt(2))


def _map(normed: Vectors, frequencies: Vectors) -> Vectors:
    angles = normed @ frequencies
    mapped: Vectors = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    mapped *= math.sqrt(1 / frequencies.shape[1])
    return mapped
