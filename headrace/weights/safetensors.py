"""A safetensors file -> its tensors. Strict: the header must describe every byte once, and believe nothing larger.

The format is that of the safetensors README: 8 bytes of length, a JSON header, the data. numpy has no bfloat16, so the
bytes stay as they are and `ggml_types` reads them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights.ggml_types import KINDS
from headrace.weights.stored import StoredWeight, map_file, stored

DTYPES = ("F32", "F16", "BF16")
LARGEST_HEADER = 100_000_000
"""Bytes; the reference implementation's limit."""

LENGTH = 8


class SafetensorsFile(msgspec.Struct, frozen=True):
    """One file."""

    tensors: dict[str, StoredWeight]
    header: NDArray[np.uint8]


def read_safetensors(path: Path, ignored: Callable[[str], bool] = lambda name: False) -> SafetensorsFile:
    """Read the header and map the rest. Raises ModelInvalid with the file and the field at fault.

    Tensors whose names are `ignored` may be of any dtype, and are left out.
    """
    data = map_file(path)
    if len(data) < LENGTH:
        raise ModelInvalid("is shorter than the length of its header", path.name)
    size = int.from_bytes(data[:LENGTH].tobytes(), "little")
    if size > min(len(data) - LENGTH, LARGEST_HEADER):
        raise ModelInvalid(f"says that its header has {size} bytes, and has {len(data)} in all", path.name)
    header = data[: LENGTH + size]
    body = data[LENGTH + size :]
    tensors: dict[str, StoredWeight] = {}
    spans: list[tuple[int, int, str]] = []
    for name, entry in _entries(header[LENGTH:].tobytes(), path.name).items():
        where = f"{path.name}: {name[:200]}"
        begin, end = _span(entry, len(body), where)
        spans.append((begin, end, where))
        if not ignored(name):
            tensors[name] = _tensor(entry, body[begin:end], where)
    _check_cover(spans, len(body), path.name)
    return SafetensorsFile(tensors, header)


def _entries(text: bytes, where: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name is given twice")
        return found

    try:
        entries = json.loads(text.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"its header is not JSON: {error}", where) from error
    if not isinstance(entries, dict):
        raise ModelInvalid("its header must be an object", where)
    entries.pop("__metadata__", None)
    return entries


def _span(entry: Any, size: int, where: str) -> tuple[int, int]:
    """Where a tensor's bytes begin and end in the data."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ModelInvalid("must have dtype, shape and data_offsets", where)
    if not _sizes(entry["data_offsets"]) or len(entry["data_offsets"]) != 2:
        raise ModelInvalid("data_offsets must be two whole numbers", where)
    begin, end = entry["data_offsets"]
    if not begin <= end <= size:
        raise ModelInvalid(f"data_offsets are [{begin}, {end}], and the data has {size} bytes", where)
    return begin, end


def _tensor(entry: dict[str, Any], data: NDArray[np.uint8], where: str) -> StoredWeight:
    shape, dtype = entry["shape"], entry["dtype"]
    if dtype not in DTYPES:
        raise ModelInvalid(f"dtype {dtype!r:.80} is not supported; read are {', '.join(DTYPES)}", where)
    if not _sizes(shape) or not 1 <= len(shape) <= 8 or 0 in shape:
        raise ModelInvalid(f"shape must be 1 to 8 numbers above 0, is {shape!r:.80}", where)
    kind = KINDS[dtype]
    needed = kind.size
    for dimension in shape:
        needed *= dimension
        if needed > len(data):
            break
    if needed != len(data):
        raise ModelInvalid(f"shape {shape} of {dtype} does not need the {len(data)} bytes that it has", where)
    return stored(kind, tuple(shape), data, where)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_cover(spans: list[tuple[int, int, str]], size: int, where: str) -> None:
    at = 0
    for begin, end, name in sorted(spans):
        if begin != at:
            raise ModelInvalid(f"begins at {begin}, where {at} comes next: tensors overlap or leave a hole", name)
        at = end
    if at != size:
        raise ModelInvalid(f"has {size} bytes of data, and its header describes {at}", where)
