"""What the nodes of an ONNX file tell without its graph being read: the names of its operators stand in their bytes."""

import re
from mmap import mmap
from pathlib import Path

from headrace.runtimes.onnx_fields import mapped, nodes

_QUANTISED = re.compile(
    rb"[Qq]uantize(?:Linear|MatMul|LSTM)|(?:MatMul|Conv)Integer|QLinear|QAttention|QGemm|MatMulNBits"
)
_SOFTMAX = re.compile(rb"Softmax|Attention")


def is_quantised(path: Path) -> bool:
    """Whether the file computes with quantised numbers; of one that cannot be read, no."""
    return _stands(_QUANTISED, path)


def has_softmax(path: Path) -> bool:
    """Whether the file has a softmax, by itself or within attention; of one that cannot be read, no."""
    return _stands(_SOFTMAX, path)


def _stands(names: re.Pattern[bytes], path: Path) -> bool:
    try:
        with mapped(path) as content:
            return names.search(content, *_nodes(content)) is not None
    except (OSError, ValueError):  # none there, or an empty one: the session says so in its own words
        return False


def _nodes(content: mmap) -> tuple[int, int]:
    """Where they begin and end: a search through all weights takes seconds. All of a file that is no ONNX (`.ort`)."""
    try:
        found = list(nodes(content))
    except (ValueError, IndexError):
        return 0, len(content)
    return (found[0].begin, found[-1].end) if found else (0, len(content))
