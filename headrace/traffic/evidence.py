"""Whether counts show that something is too frequent, at whatever moment one looks. Pure.

Looking again and again until a test says yes makes any test of a fixed size say so in the end. `log_evidence` is a
test martingale: where events are as rare as is harmless, it ever exceeds log(1/alpha) with a chance of at most alpha,
however often one looks (Ville 1939; Robbins 1970; Ramdas, Grunwald, Vovk and Shafer, "Game-theoretic statistics and
safe anytime-valid inference", 2023). It is Wald's likelihood ratio, averaged over rates from the limit upwards.
"""

from math import exp, lgamma, log, log1p

GROWTH = 1.4
HARMLESS = 0.25
"""A rate of this part of its limit counts as well within: what is as rare as that is taken for too frequent by chance
only, and with the chance that is said. Between there and the limit it may be, once the limit is seen to be exceeded."""


def is_beyond(limit: float, count: int, total: int, alpha: float) -> bool:
    """Whether events are seen more often than the limit, and it is not for chance that they are more than harmless.

    A limit of 0 allows none.
    """
    if count <= limit * total:
        return False
    return limit <= 0 or log_evidence(count, total, limit) >= -log(alpha)


def log_evidence(count: int, total: int, limit: float) -> float:
    """How much more likely the counts are at rates from the limit upwards than at a harmless one, as a logarithm."""
    null = limit * HARMLESS
    rates = []
    rate = limit
    while rate < 0.98:
        rates.append(rate)
        rate *= 2
    rates.append(0.98)
    logs = [count * log(each / null) + (total - count) * (log1p(-each) - log1p(-null)) for each in rates]
    most = max(logs)
    return most + log(sum(exp(each - most) for each in logs) / len(logs))


class Looks:
    """When to look at a test of a fixed size that is made again as counts grow, and what each look may spend: look k
    alpha / (k (k + 1)), over all of them alpha. Each has four tenths more to see than the last."""

    def __init__(self, fewest: int) -> None:
        self._next = fewest
        self._look = 0

    def alpha(self, total: int, alpha: float) -> float:
        """What a look at `total` events may spend; 0 where it is not time for one."""
        if total < self._next:
            return 0.0
        self._look += 1
        self._next = max(total + 1, int(total * GROWTH))
        return alpha / (self._look * (self._look + 1))


def fisher_p(count: int, total: int, other_count: int, other_total: int) -> float:
    """The chance of at least `count` events among `total`, of all events spread at random over both groups: Fisher's
    exact test, one-sided (Fisher 1935)."""
    events, everything = count + other_count, total + other_total
    whole = _log_choose(everything, total)
    most = min(events, total)
    terms = [
        _log_choose(events, k) + _log_choose(everything - events, total - k) - whole
        for k in range(count, most + 1)
        if total - k <= everything - events
    ]
    return min(1.0, sum(map(exp, terms)))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
