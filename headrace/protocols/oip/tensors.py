"""JSON data, and bodies that are one raw tensor <-> Tensor. Knows no HTTP and no model."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, ITEM_BYTES, LENGTH, from_array, join_bytes, split_bytes, to_array, to_numbers
from headrace.errors import InvalidRequest
from headrace.protocols.beside import LONG_BYTES, rest
from headrace.protocols.json_body import decode
from headrace.protocols.oip.flat_data import LongText, read_flat
from headrace.protocols.oip.long_answer import LONG_BYTES as LONG_ANSWER_BYTES
from headrace.protocols.oip.nested_data import flattened
from headrace.protocols.oip.shapes import MAX_RANK, check_content, count_elements
from headrace.types import FREE, Buffer, Shape, Tensor, TensorSpec

_OPENING = re.compile(rb"[\[ \t\r\n]*")
_LONG_BYTES = 128 << 10  # of JSON: some milliseconds
_OPENING_BYTES = 4096  # that are looked through for what a list begins with
_BINARY_ONLY = ("FP16", "BF16")


def from_json(name: str, datatype: str, shape: Shape, data: Buffer, where: str) -> Tensor:
    """A tensor from its JSON `data`, flat or nested as the shape says. Strings become UTF-8.

    Raises InvalidRequest with the path of the element at fault.
    """
    count = count_elements(datatype, shape, where)
    if datatype in _BINARY_ONLY:
        raise InvalidRequest(f"{datatype} cannot be sent as JSON; send it as binary data", f"{where}.datatype")
    if count > len(data):  # an element takes a byte at least: refused before anything is decoded
        raise InvalidRequest(f"shape {list(shape)} is {count} elements, data has fewer", f"{where}.data")
    depth = _depth(data) if len(data) > _LONG_BYTES else 0
    if depth == 1 or (1 < depth <= MAX_RANK and len(data) > LONG_BYTES):
        return Tensor(name, datatype, shape, _from_long(datatype, shape, count, data, f"{where}.data"))
    nested, values = _decode(datatype, shape, data, f"{where}.data")
    if len(values) != count:
        what = f"shape {list(shape)} is {count} elements, {len(values)} were sent"
        raise InvalidRequest(what, f"{where}.data")
    if datatype == "BYTES":
        return Tensor(name, datatype, shape, join_bytes(text.encode() for text in values))
    array = _to_array(datatype, values, f"{where}.data", shape if nested else (count,))
    return from_array(name, array.reshape(shape), datatype)


class Written(NamedTuple):
    """A long list as the JSON that it is, in pieces."""

    pieces: list[bytes]


def to_json(tensor: Tensor, where: str) -> list[Any] | Written:
    """A tensor's elements in a flat list.

    Raises InvalidRequest for what JSON cannot carry.
    """
    if tensor.datatype in _BINARY_ONLY:
        raise InvalidRequest(f"{tensor.datatype} cannot be sent as JSON{_ASK_BINARY}", where)
    if tensor.datatype == "BYTES":
        texts = _texts(tensor, where)
        if len(texts) <= _PIECE:
            return texts
        return _written((texts[at : at + _PIECE] for at in range(0, len(texts), _PIECE)), len(tensor.data))
    array = to_array(tensor)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidRequest(f"output {tensor.name!r} has NaN or infinity, which JSON cannot carry{_ASK_BINARY}", where)
    flat = array.ravel()
    if flat.size > _PIECE:
        return _written((flat[at : at + _PIECE].tolist() for at in range(0, flat.size, _PIECE)), len(tensor.data))
    values: list[Any] = flat.tolist()
    return values


def from_body(spec: TensorSpec, body: Buffer, batched: bool) -> Tensor:
    """A body that is all of the model's one input, with no word on its shape: found from the body's size.

    A body for a BYTES input is its one element, without a length before it. Raises InvalidRequest.
    """
    if spec.datatype == "BYTES":
        if any(size not in (1, FREE) for size in spec.shape):
            raise InvalidRequest(f"the body is one element, input {spec.name!r} takes {list(spec.shape)}")
        return Tensor(spec.name, "BYTES", (1,) * len(spec.shape), LENGTH.pack(len(body)) + bytes(body))
    shape = _resolve(spec, len(body), batched)
    check_content(spec.datatype, shape, body, f"input {spec.name!r}")
    return Tensor(spec.name, spec.datatype, shape, body)


def _written(parts: Iterable[list[Any]], num_bytes: int) -> Written:
    """One list of several, a piece at a time: each lets nobody else have the interpreter. A tensor of so many bytes."""
    pieces = list[bytes]()
    for part in parts:
        pieces.append((b"," if pieces else b"[") + msgspec.json.encode(part)[1:-1])
        if num_bytes > LONG_ANSWER_BYTES:  # on a thread
            rest()
    return Written([*pieces, b"]"])


_PIECE = 4096  # elements that become JSON at once: a millisecond or two
_ASK_BINARY = "; ask for it with binary_data = true"


def _decode(datatype: str, shape: Shape, data: Buffer, where: str) -> tuple[bool, list[Any]]:
    """Whether the data is nested, and its elements in a row."""
    depth = _depth(data)
    if depth <= 1 or depth > MAX_RANK:
        return False, decode(_decoder(datatype, 1), data, where)
    _check_depth(depth, shape, where)
    return True, _flatten(decode(_decoder(datatype, depth), data, where), shape, where)


def _depth(data: Buffer) -> int:
    """How deep the data is nested, by its beginning."""
    opening = _OPENING.match(data, 0, _OPENING_BYTES)
    return bytes(opening[0]).count(b"[") if opening else 0


def _from_long(datatype: str, shape: Shape, count: int, data: Buffer, where: str) -> Buffer:
    """The content of a long list: part by part, so that threads which wait for the interpreter have it between."""
    depth = _depth(data)
    in_row: Shape = (len(data),)  # as many elements as there may be
    if depth > 1:
        _check_depth(depth, shape, where)
        data, in_row = flattened(data, shape, where), shape
        if not count:
            return b""
    texts, size, done = datatype == "BYTES", 0, 0
    most_bytes = LENGTH.size * count + len(data) if texts else ITEM_BYTES[datatype] * count
    content = np.empty(most_bytes, np.uint8)  # no page of which is there before it is written to
    for values in read_flat(_decoder(datatype, 1), data, where, partial(_at, where, in_row), texts=texts):
        parts = _text_parts(values) if texts else [_to_array(datatype, values, where, in_row, done).tobytes()]
        done += len(values)
        for part in parts if done <= count else ():
            content[size : size + len(part)] = np.frombuffer(part, np.uint8)
            size += len(part)
        if len(data) > LONG_BYTES:  # on a thread
            rest()
    if done != count:
        raise InvalidRequest(f"shape {list(shape)} is {count} elements, {done} were sent", where)
    return content[:size].data


def _text_parts(values: list[Any]) -> Iterator[bytes]:
    """Strings as they are held; a LongText is alone."""
    first = values[0] if values else ""
    if isinstance(first, LongText):
        yield LENGTH.pack(sum(map(len, first.utf8)))
        yield from first.utf8
    else:
        yield join_bytes(text.encode() for text in values)


def _check_depth(depth: int, shape: Shape, where: str) -> None:
    if depth != len(shape):
        raise InvalidRequest(f"data is nested {depth} deep, shape {list(shape)} has {len(shape)} dimensions", where)


def _flatten(nested: list[Any], shape: Shape, where: str) -> list[Any]:
    rows = [nested]
    for axis, size in enumerate(shape):
        if any(len(row) != size for row in rows):
            what = f"data is not nested as shape {list(shape)} says: a list of dimension {axis} has not {size} elements"
            raise InvalidRequest(what, where)
        rows = list(chain.from_iterable(rows))
    return rows


def _to_array(datatype: str, values: list[Any], where: str, shape: Shape, before: int = 0) -> NDArray[np.generic]:
    """The elements, `before` which there are so many others of the shape, as numbers. Raises InvalidRequest."""
    dtype = DATATYPES[datatype]
    try:
        with np.errstate(over="ignore"):
            array = to_numbers(values, dtype)
    except OverflowError as error:
        limits = np.iinfo(dtype.str)
        wrong = next(i for i, value in enumerate(values) if not limits.min <= value <= limits.max)
        what = f"{values[wrong]} is not in the range of {datatype}, {limits.min} to {limits.max}"
        raise InvalidRequest(what, _at(where, shape, before + wrong)) from error
    if dtype.kind == "f" and not np.isfinite(array).all():  # JSON has no infinity: it was made by the conversion
        wrong = int(np.argmin(np.isfinite(array)))
        raise InvalidRequest(f"{values[wrong]} is not in the range of {datatype}", _at(where, shape, before + wrong))
    return array


@lru_cache
def _decoder(datatype: str, depth: int) -> msgspec.json.Decoder[Any]:
    of: Any = {"BOOL": bool, "BYTES": str}.get(datatype, float if datatype.startswith("FP") else int)
    for _ in range(depth):
        of = list[of]
    return msgspec.json.Decoder(of)


def _at(where: str, shape: Shape, index: int) -> str:
    return where + "".join(f"[{position}]" for position in np.unravel_index(index, shape))


def _texts(tensor: Tensor, where: str) -> list[str]:
    try:
        return [element.decode() for element in split_bytes(tensor.data)]
    except UnicodeDecodeError as error:
        what = f"output {tensor.name!r} has bytes that are not UTF-8, which JSON cannot carry{_ASK_BINARY}"
        raise InvalidRequest(what, where) from error


def _resolve(spec: TensorSpec, num_bytes: int, batched: bool) -> Shape:
    shape = list(spec.shape)
    if batched and shape.count(FREE) > 1:
        shape[0] = 1
    if shape.count(FREE) > 1:
        what = f"input {spec.name!r} takes {list(spec.shape)}, and a raw body does not tell its free dimensions"
        raise InvalidRequest(f"{what}; send a JSON header")
    if FREE in shape:
        free = shape.index(FREE)
        shape[free] = 1
        row_bytes = count_elements(spec.datatype, tuple(shape), "") * ITEM_BYTES[spec.datatype]
        if row_bytes and num_bytes % row_bytes:
            takes = f"input {spec.name!r} takes {list(spec.shape)} of {spec.datatype}, a multiple of {row_bytes} bytes"
            raise InvalidRequest(f"{takes}, and the body has {num_bytes}")
        shape[free] = num_bytes // row_bytes if row_bytes else 0
    return tuple(shape)
