"""Small files of weights, written for tests: GGUF and safetensors, right unless told otherwise."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.weights.ggml_types import KINDS, NUMBERS

TYPE_NUMBERS = {name: number for number, name in NUMBERS.items()}
Encoded = tuple[str, tuple[int, ...], bytes]
"""A tensor of a GGUF file: kind, shape [out, in], bytes."""


def string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def value(content: Any) -> bytes:
    """A value of metadata with its type before it."""
    if isinstance(content, bool):
        return struct.pack("<I?", 7, content)
    if isinstance(content, int):
        return struct.pack("<IQ", 10, content) if content >= 0 else struct.pack("<Iq", 11, content)
    if isinstance(content, float):
        return struct.pack("<If", 6, content)
    if isinstance(content, str):
        return struct.pack("<I", 8) + string(content)
    assert isinstance(content, list)
    items = [value(item) for item in content]
    kind = items[0][:4] if items else struct.pack("<I", 8)
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(items)) + b"".join(item[4:] for item in items)


def gguf_bytes(
    metadata: Mapping[str, Any], tensors: Mapping[str, Encoded | NDArray[np.float32]], *, version: int = 3
) -> bytes:
    """A whole GGUF file; arrays are written as F32."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(string(key) + value(content) for key, content in metadata.items())
    body = b""
    for name, tensor in tensors.items():
        kind, shape, raw = ("F32", tensor.shape, tensor.tobytes()) if isinstance(tensor, np.ndarray) else tensor
        head += string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head += struct.pack("<IQ", TYPE_NUMBERS[kind], len(body))
        body += raw + bytes(-len(raw) % 32)
    return head + bytes(-len(head) % 32) + body


HALVES = {"Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,)} | dict.fromkeys(("Q4_1", "Q5_1", "Q4_K", "Q5_K"), (0, 2))
"""Where a block has its float16 numbers, if not at its beginning alone."""


def random_blocks(kind: str, shape: tuple[int, ...], seed: int = 0, size: float = 0.02) -> Encoded:
    """A quantised tensor of any codes and of scales that are finite and small: about `size`."""
    random = np.random.default_rng(seed)
    layout = KINDS[kind]
    count = int(np.prod(shape)) // layout.values
    blocks = random.integers(0, 256, (count, layout.size), np.uint8)
    for begin in HALVES.get(kind, (0,)):
        halves = random.normal(0, size, (count, 1)).astype(np.float16)
        blocks[:, begin : begin + 2] = halves.view(np.uint8)
    if kind == "MXFP4":  # its scale is a power of two
        blocks[:, 0] = random.integers(-3, 1, count) + int(np.log2(size)) + 128
    return kind, shape, blocks.tobytes()


def safetensors_bytes(tensors: Mapping[str, NDArray[Any] | tuple[str, tuple[int, ...], bytes]]) -> bytes:
    """A whole safetensors file; other arrays than these must be given as (dtype, shape, bytes)."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in tensors.items():
        if isinstance(tensor, np.ndarray):
            tensor = ({"f4": "F32", "f2": "F16"}[tensor.dtype.str[1:]], tensor.shape, tensor.tobytes())  # noqa: PLW2901
        kind, shape, raw = tensor
        entries[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    head = json.dumps(entries).encode()
    return struct.pack("<Q", len(head)) + head + body
