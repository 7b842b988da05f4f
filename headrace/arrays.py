"""Tensors as they travel <-> numpy arrays: the datatypes of the Open Inference Protocol and their bytes."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from headrace.types import Buffer, Number, Shape, Tensor

DATATYPES: dict[str, np.dtype[np.generic]] = {
    "BOOL": np.dtype("bool"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # numpy has no bfloat16: its bits
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype("O"),  # elements are `bytes`
}
"""How each datatype is held in numpy."""

ITEM_BYTES: dict[str, int] = {name: 0 if name == "BYTES" else dtype.itemsize for name, dtype in DATATYPES.items()}
"""Bytes of one element; 0 for BYTES, whose elements differ."""

_DATATYPE_OF = {dtype: name for name, dtype in DATATYPES.items() if name not in ("BF16", "BYTES")}

LENGTH = struct.Struct("<I")

PART = 1 << 14
"""Numbers that are read without a turn for other threads: a quarter of a millisecond."""


def datatype_of(array: NDArray[np.generic]) -> str:
    """The datatype of a numpy array; uint16 is UINT16 (BF16 must be said). Raises KeyError for others."""
    if array.dtype.kind in "OSU":
        return "BYTES"
    return _DATATYPE_OF[array.dtype.newbyteorder("<")]


def to_array(tensor: Tensor) -> NDArray[np.generic]:
    """A view of the tensor's data (a copy for BYTES), valid as long as the data is."""
    if tensor.datatype == "BYTES":
        elements = np.empty(prod(tensor.shape), dtype=object)
        for index, element in enumerate(split_bytes(tensor.data)):
            elements[index] = element
        return elements.reshape(tensor.shape)
    return np.frombuffer(tensor.data, dtype=DATATYPES[tensor.datatype]).reshape(tensor.shape)


def from_array(name: str, array: NDArray[np.generic], datatype: str = "") -> Tensor:
    """A tensor that shares the array's memory where its order allows; `datatype` where BF16 is meant."""
    datatype = datatype or datatype_of(array)
    if datatype == "BYTES":
        return Tensor(name, datatype, array.shape, join_bytes(to_bytes(element) for element in array.ravel()))
    contiguous = np.ascontiguousarray(array, dtype=DATATYPES[datatype])
    return Tensor(name, datatype, array.shape, contiguous.reshape(-1).view(np.uint8).data)


def to_numbers(values: Sequence[Number], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Many numbers as an array, made so that other threads have their turns: numpy has none while it reads a list.

    Raises OverflowError for a whole number that is outside the range of `dtype`.
    """
    if len(values) <= PART:
        return np.fromiter(values, dtype, len(values))
    array = np.empty(len(values), dtype)
    for at in range(0, len(values), PART):
        array[at : at + PART] = values[at : at + PART]
    return array


def filled(datatype: str, value: Number, shape: Shape) -> NDArray[np.generic]:
    """An array of one number. Raises ValueError where the datatype cannot hold it."""
    dtype = DATATYPES[datatype]
    if datatype == "BF16":
        return np.full(shape, np.array(value, np.float32).view(np.uint32) >> 16, dtype)
    if not _holds(dtype, value):
        raise ValueError(f"{datatype} cannot hold {value!r}")
    return np.full(shape, value, dtype)


def _holds(dtype: np.dtype[np.generic], value: Number) -> bool:
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype.name)
        return bounds.min <= value <= bounds.max and float(value).is_integer()
    return dtype.kind == "f" or (dtype.kind == "b" and value in (0, 1))


def to_bytes(element: object) -> bytes:
    """A string element as bytes: text becomes UTF-8."""
    if isinstance(element, (bytes, bytearray)):
        return bytes(element)
    return str(element).encode()


def join_bytes(elements: Iterable[bytes]) -> bytes:
    """Elements with their lengths before them."""
    parts: list[bytes] = []
    for element in elements:
        parts += (LENGTH.pack(len(element)), element)
    return b"".join(parts)


def split_bytes(data: Buffer) -> Iterator[bytes]:
    """The elements of a BYTES tensor's data. Raises ValueError where a length goes beyond the end."""
    view = memoryview(data)
    at, end = 0, len(view)
    while at < end:
        if at + 4 > end:
            raise ValueError(f"{end - at} bytes left at byte {at}, where a 4-byte length should be")
        (length,) = LENGTH.unpack_from(view, at)
        at += 4
        if length > end - at:
            raise ValueError(f"the element at byte {at - 4} is {length} bytes long, {end - at} are left")
        yield bytes(view[at : at + length])
        at += length


def row_ends(data: Buffer, shape: Shape) -> list[int]:
    """Where each row (axis 0) of a BYTES tensor ends in its data."""
    view = memoryview(data)
    width = prod(shape[1:])
    ends, at = [], 0
    for _ in range(shape[0]):
        for _ in range(width):
            at += 4 + LENGTH.unpack_from(view, at)[0]
        ends.append(at)
    return ends
