"""Which kind most weights of a file have, as it calls it. Pure."""

from collections import Counter
from collections.abc import Mapping
from math import prod

from headrace.weights.checkpoint import Weight


def main_kind(weights: Mapping[str, Weight]) -> str:
    """In upper case, as in "Q4_1"; empty where there are no weights to look at."""
    numbers = Counter[str]()
    for weight in weights.values():
        numbers[weight.kind.upper()] += prod(weight.shape)
    return next((kind for kind, _ in numbers.most_common(1)), "")
