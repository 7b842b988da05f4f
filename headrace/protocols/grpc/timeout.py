"""The header grpc-timeout: up to eight digits and a unit."""

import re

_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_FORM = re.compile(rb"([0-9]{1,8})([HMSmun])")


def read_timeout(value: bytes) -> float:
    """Seconds. Raises ValueError for what is no timeout."""
    found = _FORM.fullmatch(value)
    if found is None:
        raise ValueError("grpc-timeout has up to eight digits and one of H, M, S, m, u, n")
    return int(found[1]) * _UNITS[found[2]]
