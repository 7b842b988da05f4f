"""Lengths in classes, so that those that are nearly equal are counted together. Pure."""

import math

PER_OCTAVE = 4  # a class's longest is 1.19 times the one below
_KNOWN = 4096


def _class(length: int) -> int:
    return 0 if length <= 0 else 1 + math.ceil(PER_OCTAVE * math.log2(length) - 1e-9)


def _longest(length_class: int) -> int:
    return 0 if not length_class else int(2 ** ((length_class - 1) / PER_OCTAVE) + 1e-6)


_CLASSES = tuple(map(_class, range(_KNOWN + 1)))
_LONGEST = tuple(map(_longest, range(_CLASSES[-1] + 1)))


def class_of(length: int) -> int:
    """The class of a length: 0 for 0, and higher for what is longer."""
    return _CLASSES[length] if length <= _KNOWN else _class(length)


def longest_of(length_class: int) -> int:
    """The longest length of a class."""
    return _LONGEST[length_class] if length_class < len(_LONGEST) else _longest(length_class)
