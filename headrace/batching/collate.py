"""Requests -> one batch, and its outputs back to their owners. Pure; rows of one length are not copied here."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

from headrace.arrays import row_ends
from headrace.batching.instance import Rows, Work
from headrace.batching.padding import cut, fill_up, with_size
from headrace.errors import Internal
from headrace.types import Buffer, PadAxis, Request, Tensor


class Member(Protocol):
    """A request of a batch."""

    @property
    def request(self) -> Request: ...

    @property
    def rows(self) -> int: ...

    @property
    def length(self) -> int:
        """Of its rows, along the axis that rows are filled up along; 0 where the model has none."""
        ...


def join(batch: Sequence[Member], batched: bool, pad: PadAxis | None = None) -> Work:
    """The work that runs these requests together; their shapes agree but for the rows, and the length along `pad`."""
    first = batch[0].request
    if len(batch) == 1:
        alone = [
            Rows(tensor.name, tensor.datatype, tensor.shape, _parts(batch, index, tensor.name))
            for index, tensor in enumerate(first.inputs)
        ]
        return Work(tuple(alone), first.outputs)
    assert batched, "requests were joined for a model that takes one at a time"
    total = sum([item.rows for item in batch])
    longest = _longest(batch) if pad is not None else 0
    inputs = []
    for index, tensor in enumerate(first.inputs):
        if pad is not None and longest and tensor.name in pad.values:
            parts = fill_up(_tensors(batch, index, tensor.name), pad.axis, longest, pad.values[tensor.name])
            shape = with_size(tensor.shape, pad.axis, longest)
        else:
            parts, shape = _parts(batch, index, tensor.name), tensor.shape
        inputs.append(Rows(tensor.name, tensor.datatype, (total, *shape[1:]), parts))
    return Work(tuple(inputs), _outputs(batch))


def _longest(batch: Sequence[Member]) -> int:
    """What the rows are filled up to; 0 where all are of one length."""
    first = batch[0].length
    for item in batch:
        if item.length != first:
            return max([item.length for item in batch])
    return 0


def _tensors(batch: Sequence[Member], index: int, name: str) -> list[Tensor]:
    """One input of each request."""
    return [item.request.inputs[_place(item.request, index, name)] for item in batch]


def _parts(batch: Sequence[Member], index: int, name: str) -> list[Buffer]:
    """The bytes of one input, request after request."""
    parts: list[Buffer] = []
    for item in batch:
        request = item.request
        at = _place(request, index, name)
        if request.bundle is None:
            parts.append(request.inputs[at].data)
        else:
            parts += map(itemgetter(at), request.bundle.contents)
    return parts


def _place(request: Request, index: int, name: str) -> int:
    """Of an input in a request; as a rule it is the same in all of them."""
    if request.inputs[index].name == name:
        return index
    return next(at for at, each in enumerate(request.inputs) if each.name == name)


def _outputs(batch: Sequence[Member]) -> tuple[str, ...]:
    """Every output that one of them asks for; all of them where one asks for no one in particular."""
    first = batch[0].request.outputs
    if len({item.request.outputs for item in batch}) == 1:
        return first
    wanted: dict[str, None] = {}
    for item in batch:
        if not item.request.outputs:
            return ()
        wanted.update(dict.fromkeys(item.request.outputs))
    return tuple(wanted)


def split(outputs: tuple[Tensor, ...], batch: Sequence[Member], pad: PadAxis | None = None) -> list[tuple[Tensor, ...]]:
    """The outputs of each request, in order, cut to its own length where rows were filled up along `pad`.

    Views of the batch's own, as far as they lie in one piece. Raises Internal where rows are missing, or a dimension
    is not as long as the longest row.
    """
    if len(batch) == 1:
        return [_chosen(outputs, batch[0].request.outputs)]
    total = sum([item.rows for item in batch])
    longest = _longest(batch) if pad is not None else 0
    following = pad.outputs if pad is not None and longest else {}
    for tensor in outputs:
        axes = following.get(tensor.name, ())
        if not tensor.shape or tensor.shape[0] != total:
            raise Internal(f"output {tensor.name!r} has shape {list(tensor.shape)} for a batch of {total} rows")
        if any(tensor.shape[axis : axis + 1] != (longest,) for axis in axes):
            raise Internal(f"output {tensor.name!r} has shape {list(tensor.shape)} for rows of {longest}")
    parts = zip(*[_cut(tensor, batch, total, following.get(tensor.name, ())) for tensor in outputs], strict=True)
    everything = (), tuple([tensor.name for tensor in outputs])
    return [
        part if item.request.outputs in everything else _chosen(part, item.request.outputs)
        for part, item in zip(parts, batch, strict=True)
    ]


def _cut(tensor: Tensor, batch: Sequence[Member], total: int, axes: tuple[int, ...]) -> list[Tensor]:
    """One output, cut where the requests' rows end, and along `axes` to their lengths."""
    name, datatype, tail, view = tensor.name, tensor.datatype, tensor.shape[1:], memoryview(tensor.data)
    ends = [0, *row_ends(view, tensor.shape)] if datatype == "BYTES" else None
    width = 0 if ends else len(view) // total
    parts, first = [], 0
    for item in batch:
        last = first + item.rows
        data = view[ends[first] : ends[last]] if ends else view[first * width : last * width]
        part = Tensor(name, datatype, (item.rows, *tail), data)
        parts.append(cut(part, axes, item.length) if axes else part)
        first = last
    return parts


def _chosen(outputs: tuple[Tensor, ...], names: tuple[str, ...]) -> tuple[Tensor, ...]:
    if not names or (len(names) == len(outputs) == 1):
        return outputs
    by_name = {tensor.name: tensor for tensor in outputs}
    return tuple(by_name[name] for name in names)
