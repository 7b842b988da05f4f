"""A name for what is in a model's files, for caches of what was made from it: same content, same name, anywhere.

It is cheap, not cryptographic: descriptions are hashed whole, of each tensor its size, beginning, middle and end. A
file that was damaged or patched between those places keeps its name; another training, quantisation or merge does not.
"""

import hashlib
from collections.abc import Iterable, Mapping

from headrace.weights.stored import StoredWeight

SAMPLE = 1024
"""Bytes at each place."""

FORMAT = b"headrace weights 1"


def digest(descriptions: Iterable[bytes | memoryview], tensors: Mapping[str, StoredWeight]) -> str:
    """Of the headers and small files in this order, and of tensors by the file's names. 40 hexadecimal digits."""
    found = hashlib.sha256(FORMAT)
    for text in descriptions:
        found.update(len(text).to_bytes(8, "little"))
        found.update(text)
    for name in sorted(tensors):
        tensor = tensors[name]
        data = tensor.rows.reshape(-1)
        found.update(f"{name} {tensor.kind} {tensor.shape} {len(data)}\n".encode())
        middle = max(len(data) // 2 - SAMPLE // 2, 0)
        for begin in (0, middle, max(len(data) - SAMPLE, 0)):
            found.update(data[begin : begin + SAMPLE].data)
    return found.hexdigest()[:40]
