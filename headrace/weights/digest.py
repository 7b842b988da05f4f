"""A name for what is in a model's files, for caches of what was made from it: same content, same name, anywhere.

All of it counts: what is named alike is computed with the same graph, so that a file of which one number was changed
must have another name, whoever changed it.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from headrace.weights.stored import StoredWeight

PIECE = 4 << 20
"""Bytes that are hashed by themselves, on any core."""

FORMAT = b"headrace weights 2"


def digest(descriptions: Iterable[bytes | memoryview], tensors: Mapping[str, StoredWeight]) -> str:
    """Of the headers and small files in this order, and of tensors by the file's names. 40 hexadecimal digits."""
    names = [
        f"{name} {tensors[name].kind} {tensors[name].shape} {tensors[name].rows.size}\n".encode()
        for name in sorted(tensors)
    ]
    return content_digest([*descriptions, *names], [tensors[name].rows.reshape(-1) for name in sorted(tensors)])


def content_digest(descriptions: Iterable[bytes | memoryview], contents: Iterable[NDArray[np.uint8]]) -> str:
    """Of texts, and of bytes [n] that may be many. 40 hexadecimal digits."""
    found = hashlib.sha256(FORMAT)
    for text in descriptions:
        found.update(len(text).to_bytes(8, "little"))
        found.update(text)
    pieces = [data[begin : begin + PIECE] for data in contents for begin in range(0, len(data), PIECE)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "digest") as threads:
        for of_piece in threads.map(_of_piece, pieces):
            found.update(of_piece)
    return found.hexdigest()[:40]


def _of_piece(data: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(data.data).digest()
