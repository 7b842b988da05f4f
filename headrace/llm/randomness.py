"""Random numbers by place, not by turn: the same seed and position give the same number, whatever was asked before.

So a sequence's text does not depend on what shares its batch, on its place there, on preemption or on speculation.
The generator is SplitMix64's finaliser (Steele, Lea, Flood, 2014; Stafford's variant 13) over a counter.
"""

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: counters far apart in every bit


def stream_key(seed: int, choice: int = 0) -> int:
    """The 64-bit key of one sequence's numbers. Choices of one request have streams of their own."""
    return _mix(_mix(seed & _MASK) + (choice + 1) * _GOLDEN)


def uniform(key: int, position: int, lane: int = 0) -> float:
    """A number in [0, 1) of 53 bits. `lane` counts the numbers that one position needs."""
    return (_mix(_mix(key + (position + 1) * _GOLDEN) + (lane + 1) * _GOLDEN) >> 11) * 2.0**-53


def _mix(number: int) -> int:
    number &= _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)
