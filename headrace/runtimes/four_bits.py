"""What is told of matrices that are to have codes of 4 bits: rows that their group does not divide have 8. Pure."""

from collections.abc import Mapping, Sequence

from headrace.weights.checkpoint import Weight

EIGHT_BITS = "8-bit codes with a scale a row"

NOT_MULTIPLIED = {"embed", "head", "positions", "types", "distances"}
"""Matrices that rows are taken of, or that have a form of their own."""


def widths_of(weights: Mapping[str, Weight]) -> list[int]:
    """How long rows are, of each matrix that a precision's own form is for."""
    chosen = (weight for name, weight in weights.items() if name not in NOT_MULTIPLIED)
    return [weight.shape[1] for weight in chosen if len(weight.shape) > 1]


def in_words(told: str, widths: Sequence[int], group: int, in_eight: Sequence[str] = (), cost: str = "") -> str:
    """`told` of codes of 4 bits in matrices with rows of `widths`, with what has 8: `in_eight`, and undivided rows.

    `cost` is told at the end, where any has 4.
    """
    undivided = sum(width % group != 0 for width in widths)
    if undivided and undivided == len(widths):
        return f"{EIGHT_BITS}, for {group} does not divide its rows"
    rest = [f"{undivided} of {len(widths)} matrices, whose rows {group} does not divide"] if undivided else []
    eight = [*in_eight, *rest]
    return f"{told}, 8-bit ones for {_listed(eight)}{cost}" if eight else f"{told}{cost}"


def _listed(things: Sequence[str]) -> str:
    """As in `the head, the ends and the rest`."""
    *most, last = things
    return f"{', '.join(most)} and {last}" if most else last
