"""What the bytes of an ONNX file tell without its graph being read: the names of its operators stand in them."""

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path

_QUANTISED = re.compile(
    rb"[Qq]uantize(?:Linear|MatMul|LSTM)|(?:MatMul|Conv)Integer|QLinear|QAttention|QGemm|MatMulNBits"
)
_SOFTMAX = (b"Softmax", b"Attention")


def is_quantised(path: Path) -> bool:
    """Whether the file computes with quantised numbers."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return _QUANTISED.search(content) is not None


def has_softmax(path: Path) -> bool:
    """Whether the file has a softmax, by itself or within attention; of a file that cannot be read, no."""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            return any(content.find(name) >= 0 for name in _SOFTMAX)
    except (OSError, ValueError):  # none there, or an empty one: the session says so in its own words
        return False
