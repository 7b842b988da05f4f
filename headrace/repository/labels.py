"""Labels: names that stand where a version may. Pure."""

import re

STABLE = "stable"
"""The label that stands for the model where a request names no version."""

_LABEL = re.compile(r"(?!v[0-9]+$)[a-z][a-z0-9._-]{0,62}")
WHAT_IS_A_LABEL = "a small letter, then small letters, digits, '.', '_' and '-', 63 at most, and no version such as v3"


def is_label(text: str) -> bool:
    """Whether it may stand where a version may."""
    return _LABEL.fullmatch(text) is not None
