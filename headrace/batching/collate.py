"""Requests -> one batch, and its outputs back to their owners. Pure; rows are not copied here."""

from collections.abc import Sequence

from headrace.arrays import row_ends
from headrace.batching.instance import Rows, Work
from headrace.batching.queue import Waiting
from headrace.errors import Internal
from headrace.types import Buffer, Tensor


def join(batch: Sequence[Waiting], batched: bool) -> Work:
    """The work that runs these requests together; their shapes agree but for the rows."""
    first = batch[0].request
    if len(batch) == 1:
        alone = tuple(Rows(tensor.name, tensor.datatype, tensor.shape, [tensor.data]) for tensor in first.inputs)
        return Work(alone, first.outputs)
    assert batched, "requests were joined for a model that takes one at a time"
    total = sum([item.rows for item in batch])
    inputs = tuple(
        [
            Rows(tensor.name, tensor.datatype, (total, *tensor.shape[1:]), _parts(batch, index, tensor.name))
            for index, tensor in enumerate(first.inputs)
        ]
    )
    return Work(inputs, _outputs(batch))


def _parts(batch: Sequence[Waiting], index: int, name: str) -> list[Buffer]:
    """The data of one input of each request; as a rule it stands at the same place in all of them."""
    parts: list[Buffer] = []
    for item in batch:
        tensor = item.request.inputs[index]
        if tensor.name != name:
            tensor = next(each for each in item.request.inputs if each.name == name)
        parts.append(tensor.data)
    return parts


def _outputs(batch: Sequence[Waiting]) -> tuple[str, ...]:
    """Every output that one of them asks for; all of them where one asks for no one in particular."""
    first = batch[0].request.outputs
    if all(item.request.outputs == first for item in batch):
        return first
    wanted: dict[str, None] = {}
    for item in batch:
        if not item.request.outputs:
            return ()
        wanted.update(dict.fromkeys(item.request.outputs))
    return tuple(wanted)


def split(outputs: tuple[Tensor, ...], batch: Sequence[Waiting]) -> list[tuple[Tensor, ...]]:
    """The outputs of each request, in order; views of the batch's own. Raises Internal where rows are missing."""
    if len(batch) == 1:
        return [_chosen(outputs, batch[0].request.outputs)]
    total = sum([item.rows for item in batch])
    for tensor in outputs:
        if not tensor.shape or tensor.shape[0] != total:
            raise Internal(f"output {tensor.name!r} has shape {list(tensor.shape)} for a batch of {total} rows")
    parts = zip(*[_cut(tensor, batch, total) for tensor in outputs], strict=True)
    everything = (), tuple([tensor.name for tensor in outputs])
    return [
        part if item.request.outputs in everything else _chosen(part, item.request.outputs)
        for part, item in zip(parts, batch, strict=True)
    ]


def _cut(tensor: Tensor, batch: Sequence[Waiting], total: int) -> list[Tensor]:
    """One output, cut where the requests' rows end."""
    name, datatype, tail, view = tensor.name, tensor.datatype, tensor.shape[1:], memoryview(tensor.data)
    ends = [0, *row_ends(view, tensor.shape)] if datatype == "BYTES" else None
    width = 0 if ends else len(view) // total
    parts, first = [], 0
    for item in batch:
        last = first + item.rows
        data = view[ends[first] : ends[last]] if ends else view[first * width : last * width]
        parts.append(Tensor(name, datatype, (item.rows, *tail), data))
        first = last
    return parts


def _chosen(outputs: tuple[Tensor, ...], names: tuple[str, ...]) -> tuple[Tensor, ...]:
    if not names:
        return outputs
    by_name = {tensor.name: tensor for tensor in outputs}
    return tuple(by_name[name] for name in names)
