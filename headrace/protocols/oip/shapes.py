"""What a client says of a tensor against the bytes it sends: checked before anything is laid out."""

import numpy as np

from headrace.arrays import DATATYPES, ITEM_BYTES, LENGTH
from headrace.errors import InvalidRequest
from headrace.types import Buffer, Shape

MAX_RANK = 32
MAX_NAMED = 4096  # inputs, outputs or parameters of one request: each is read while all other requests wait
MAX_ELEMENTS = 2**40  # far more than any body holds; keeps every product small enough to compute with


def count_elements(datatype: str, shape: Shape, where: str) -> int:
    """How many elements a tensor has. Raises InvalidRequest for an unknown datatype or a shape that cannot be."""
    if datatype not in DATATYPES:
        raise InvalidRequest(f"{datatype!r} is no datatype; they are {', '.join(DATATYPES)}", f"{where}.datatype")
    check_rank(len(shape), where)
    count = room = 1  # room: as if no dimension were 0, since numpy's own limit is on that product
    for dimension in shape:
        if dimension < 0:
            raise InvalidRequest(f"{list(shape)} has a negative dimension", f"{where}.shape")
        count *= dimension
        room *= dimension or 1
    if room > MAX_ELEMENTS:
        raise InvalidRequest("the shape has more elements than any tensor can have", f"{where}.shape")
    return count


def check_rank(rank: int, where: str) -> None:
    """Raises InvalidRequest for more dimensions than a tensor can have."""
    if rank > MAX_RANK:
        raise InvalidRequest(f"{rank} dimensions, at most {MAX_RANK} are possible", f"{where}.shape")


def check_number(number: int, where: str) -> None:
    """Raises InvalidRequest for more inputs, outputs or parameters than one request may have."""
    if number > MAX_NAMED:
        raise InvalidRequest(f"has {number} entries, at most {MAX_NAMED} are taken", where)


def check_content(datatype: str, shape: Shape, data: Buffer, where: str) -> None:
    """Raises InvalidRequest unless the raw bytes are what this datatype and shape take, no more and no less."""
    if datatype == "BYTES":
        return check_bytes(data, shape, where)
    check_size(datatype, shape, len(data), where)
    if datatype == "BOOL" and len(data) and np.frombuffer(data, np.uint8).max() > 1:
        raise InvalidRequest("a BOOL is a byte of 0 or 1, others were sent", where)
    return None


def check_size(datatype: str, shape: Shape, num_bytes: int, where: str) -> None:
    """Raises InvalidRequest unless a tensor of this datatype and shape takes exactly so many bytes.

    BYTES tensors have no size of their own: `check_bytes` looks at their content.
    """
    count = count_elements(datatype, shape, where)
    expected = count * ITEM_BYTES[datatype]
    if datatype != "BYTES" and expected != num_bytes:
        what = f"shape {list(shape)} of {datatype} takes {expected} bytes, {num_bytes} were sent"
        raise InvalidRequest(what, where)


def check_bytes(data: Buffer, shape: Shape, where: str) -> None:
    """Raises InvalidRequest unless a BYTES tensor's data is as many elements as its shape says, each whole."""
    count, at, end = count_elements("BYTES", shape, where), 0, len(data)
    if count * 4 > end:  # each has a length of 4 bytes before it
        raise InvalidRequest(f"shape {list(shape)} is {count} elements, {end} bytes cannot hold them", where)
    for index in range(count):
        if at + 4 > end:
            raise InvalidRequest(f"element {index} of {count}: no 4-byte length at byte {at} of {end}", where)
        (length,) = LENGTH.unpack_from(data, at)
        at += 4 + length
        if at > end:
            raise InvalidRequest(f"element {index} is {length} bytes long, {end - at + length} are left", where)
    if at != end:
        raise InvalidRequest(f"{end - at} bytes are left after the {count} elements of shape {list(shape)}", where)
