"""One tensor as it lies in a mapped file: read when it is asked for, cut and reordered by rows while still packed."""

import mmap
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights import ggml_types


class StoredWeight(msgspec.Struct, frozen=True):
    """A Weight over bytes that stay on disk until they are read. Owns nothing but a reference to the map."""

    shape: tuple[int, ...]
    encoding: ggml_types.Kind
    rows: NDArray[np.uint8]  # [rows, bytes of a row]; a vector has one number a row
    order: NDArray[np.intp] | None = None  # which row of the file comes next
    added: float = 0.0  # to every value: the 1 of Gemma's norms

    @property
    def kind(self) -> str:
        return self.encoding.name

    def dense(self) -> NDArray[np.float32]:
        values = ggml_types.dense(self.encoding, self._ordered_rows()).reshape(self.shape)
        return values + np.float32(self.added) if self.added else values

    def cut(self, begin: int, end: int) -> "StoredWeight":
        """The rows from `begin` to before `end`."""
        if self.order is not None:
            return msgspec.structs.replace(self, shape=(end - begin, *self.shape[1:]), order=self.order[begin:end])
        return msgspec.structs.replace(self, shape=(end - begin, *self.shape[1:]), rows=self.rows[begin:end])

    def reordered(self, order: NDArray[np.intp]) -> "StoredWeight":
        """Row i is what row order[i] was."""
        return msgspec.structs.replace(self, order=order if self.order is None else self.order[order])

    def plus(self, added: float) -> "StoredWeight":
        return msgspec.structs.replace(self, added=self.added + added)

    def _ordered_rows(self) -> NDArray[np.uint8]:
        return self.rows if self.order is None else self.rows[self.order]


def stored(encoding: ggml_types.Kind, shape: tuple[int, ...], data: NDArray[np.uint8], where: str) -> StoredWeight:
    """A tensor of bytes that are known to be as many as its shape needs. Raises ModelInvalid for a quantised vector."""
    if len(shape) < 2 and encoding.values > 1:
        raise ModelInvalid(f"a vector is stored as {encoding.name}: must be F32, F16 or BF16", where)
    width = shape[-1] if len(shape) > 1 else 1
    return StoredWeight(shape=shape, encoding=encoding, rows=data.reshape(-1, width // encoding.values * encoding.size))


def map_file(path: Path) -> NDArray[np.uint8]:
    """A file's bytes, read-only, mapped for as long as any view of them lives."""
    try:
        with path.open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except ValueError as error:
        raise ModelInvalid("is empty", path.name) from error
    except OSError as error:
        raise ModelInvalid(f"cannot be read: {error.strerror}", path.name) from error
