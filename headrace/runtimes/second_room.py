"""Room in memory for a decoder's second graphs: of which models, and how much. Pure, and light for the server."""

MOST_BYTES = 256 << 20
"""Of the first graph's constants. Larger models have no memory to spare for a second one."""

FACTOR = 2.2
"""What a second graph takes for a byte of these: pages of the file that it is made from, and what is made of them."""

FACTOR_IN_COMMON = 0.2
"""The same of one that has the first one's constants: what is made of them."""

SHARE = 0.5
"""Of what a budget leaves, that one model may have for it: others may be loading too."""


def second_bytes(num_bytes: int, in_common: bool = False) -> int:
    """What a second graph takes beside constants of so many bytes, which both may have in common; 0: there is none."""
    return int((FACTOR_IN_COMMON if in_common else FACTOR) * num_bytes) if num_bytes <= MOST_BYTES else 0


def most_second_bytes(left_bytes: int) -> int:
    """What second graphs may take of a model of which nothing is known yet, of so much that a budget leaves."""
    return int(min(SHARE * left_bytes, FACTOR * MOST_BYTES))
