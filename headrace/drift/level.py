"""How often a test may cross by chance, and the value of a statistic that is crossed so seldom."""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TERMS = 100  # of a series that converges in a few


def share_of(level: float, tests: int) -> float:
    """The level of one of several tests, so that all together cross with `level` at most (Bonferroni)."""
    return level / max(tests, 1)


@lru_cache(maxsize=1024)
def normal_critical(alpha: float) -> float:
    """What the absolute value of a standard normal is above with chance `alpha`."""
    return -_NORMAL.inv_cdf(alpha / 2)


def kolmogorov_sf(x: float) -> float:
    """The chance that Kolmogorov's statistic, D times the root of n m / (n + m), is above `x` in large samples."""
    if x < 0.2:
        return 1.0  # the series alternates there; what it lacks to 1 is below 1e-12
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, _TERMS))
    return min(max(2 * math.fsum(terms), 0.0), 1.0)


@lru_cache(maxsize=1024)
def kolmogorov_critical(alpha: float) -> float:
    """What that statistic is above with chance `alpha`."""
    low, high = 0.2, 1.0 + math.sqrt(-math.log(alpha))
    return _bisect(lambda x: kolmogorov_sf(x) - alpha, low, high)


def chi_square_sf(x: float, degrees: int) -> float:
    """The chance that a chi-square of so many degrees is above `x`."""
    if x <= 0 or degrees <= 0:
        return 1.0
    half, at = degrees / 2, x / 2
    front = math.exp(half * math.log(at) - at - math.lgamma(half))
    return 1 - front * _series(half, at) if at < half + 1 else front * _fraction(half, at)


@lru_cache(maxsize=4096)
def chi_square_critical(alpha: float, degrees: int) -> float:
    """What a chi-square of so many degrees is above with chance `alpha`; infinite where there are none."""
    if degrees <= 0:
        return math.inf
    high = degrees + 2 * math.sqrt(-degrees * math.log(alpha)) - 2 * math.log(alpha)  # Laurent and Massart
    return _bisect(lambda x: chi_square_sf(x, degrees) - alpha, 0.0, high)


def _series(half: float, at: float) -> float:
    """The lower incomplete gamma function over its front factor."""
    term = total = 1 / half
    for k in range(1, 10_000):
        term *= at / (half + k)
        total += term
        if term < total * 1e-16:
            break
    return total


def _fraction(half: float, at: float) -> float:
    """The upper one, by Lentz's continued fraction."""
    b = at + 1 - half
    c, d = 1e300, 1 / b
    product = d
    for k in range(1, 10_000):
        a = -k * (k - half)
        b += 2
        d = 1 / (a * d + b)
        c = b + a / c
        product *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return product


def _bisect(falls: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function is 0."""
    for _ in range(80):
        middle = (low + high) / 2
        if falls(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
