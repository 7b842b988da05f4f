"""Whether an answer over HTTP takes long to write, and one that outlasts its model's memory. Knows no connection."""

from msgspec.structs import replace

from headrace.protocols.oip.wanted import Wanted
from headrace.types import Response, Tensor

LONG_BYTES = 32 << 10
"""Of tensors that are written as JSON, or looked through for classes: 8,192 numbers, some milliseconds."""

LONG_PACKED_BYTES = 64 << 10
"""Of tensors that are compressed as they are: as long."""

_PACKED = 4  # times as long takes a tensor as JSON that is compressed: there it has five times its bytes


def takes_long(response: Response, wanted: Wanted, packed: bool) -> bool:
    """Whether all others would wait for it; `packed`: it is compressed."""
    outputs = response.outputs
    size = sum([len(tensor.data) for tensor in outputs])
    if size <= LONG_BYTES // _PACKED or (not packed and wanted.all_binary):
        return False
    read = sum(len(tensor.data) for tensor in outputs if not _as_it_is(tensor, wanted))
    if packed:
        return size > LONG_PACKED_BYTES or _PACKED * read > LONG_BYTES
    return read > LONG_BYTES


def lasting(response: Response) -> Response:
    """The answer with its tensors in memory of their own."""
    outputs = (Tensor(each.name, each.datatype, each.shape, bytes(each.data)) for each in response.outputs)
    return replace(response, outputs=tuple(outputs))


def _as_it_is(tensor: Tensor, wanted: Wanted) -> bool:
    """Nothing is made of its bytes: they are copied, here or to shared memory."""
    how = wanted.outputs.get(tensor.name)
    if how is None:
        return wanted.binary
    return how.classes is None and (how.binary or how.place is not None)
