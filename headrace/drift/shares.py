"""Whether something rare became more frequent: missing values, values out of the range that was seen."""

import math


def excess_p(current: int, rows: int, reference: int, held: int) -> float:
    """The chance of `current` or more in `rows` where `reference` were in `held`: Fisher's exact test, one-sided."""
    together = current + reference
    if current <= 0:
        return 1.0
    total = rows + held
    most = min(together, rows)
    least_log = _choose(total, together)
    terms = [
        _choose(rows, k) + _choose(held, together - k) - least_log
        for k in range(current, most + 1)
        if together - k <= held
    ]
    return min(math.fsum(math.exp(term) for term in terms[:1000]), 1.0)


def beyond_p(below: int, above: int, rows: int, held: int) -> float:
    """The chance of so many values below the least, or above the largest, of the reference's: whatever their
    distribution, each order of both samples is as likely as any other."""
    return min(2 * excess_p(max(below, above), rows, 0, held), 1.0)


def _choose(n: int, k: int) -> float:
    """The logarithm of how many ways there are."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
