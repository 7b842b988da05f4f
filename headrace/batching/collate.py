"""Requests -> one batch, and its outputs back to their owners. Pure; rows are not copied here."""

from collections.abc import Iterator, Sequence

from headrace.arrays import row_ends
from headrace.batching.instance import Rows, Work
from headrace.batching.queue import Waiting
from headrace.errors import Internal
from headrace.types import Tensor


def join(batch: Sequence[Waiting], batched: bool) -> Work:
    """The work that runs these requests together; their shapes agree but for the rows."""
    first = batch[0].request
    if len(batch) == 1:
        alone = tuple(Rows(tensor.name, tensor.datatype, tensor.shape, [tensor.data]) for tensor in first.inputs)
        return Work(alone, first.outputs)
    assert batched, "requests were joined for a model that takes one at a time"
    total = sum(item.rows for item in batch)
    places = [{tensor.name: tensor for tensor in item.request.inputs} for item in batch]
    inputs = tuple(
        Rows(
            tensor.name,
            tensor.datatype,
            (total, *tensor.shape[1:]),
            [place[tensor.name].data for place in places],
        )
        for tensor in first.inputs
    )
    return Work(inputs, _outputs(batch))


def _outputs(batch: Sequence[Waiting]) -> tuple[str, ...]:
    """Every output that one of them asks for; all of them where one asks for no one in particular."""
    wanted: dict[str, None] = {}
    for item in batch:
        if not item.request.outputs:
            return ()
        wanted.update(dict.fromkeys(item.request.outputs))
    return tuple(wanted)


def split(outputs: tuple[Tensor, ...], batch: Sequence[Waiting]) -> Iterator[tuple[Tensor, ...]]:
    """The outputs of each request, in order; views of the batch's own. Raises Internal where rows are missing."""
    if len(batch) == 1:
        yield _chosen(outputs, batch[0].request.outputs)
        return
    total = sum(item.rows for item in batch)
    for tensor in outputs:
        if not tensor.shape or tensor.shape[0] != total:
            raise Internal(f"output {tensor.name!r} has shape {list(tensor.shape)} for a batch of {total} rows")
    cuts = {tensor.name: (tensor, memoryview(tensor.data), _ends(tensor, total)) for tensor in outputs}
    first = 0
    for item in batch:
        last, names = first + item.rows, item.request.outputs
        yield tuple(
            [
                Tensor(tensor.name, tensor.datatype, (item.rows, *tensor.shape[1:]), view[ends[first] : ends[last]])
                for tensor, view, ends in (map(cuts.__getitem__, names) if names else cuts.values())
            ]
        )
        first = last


def _ends(tensor: Tensor, total: int) -> Sequence[int]:
    """Where row n starts in the data, for n up to and including the number of rows."""
    if tensor.datatype == "BYTES":
        return [0, *row_ends(tensor.data, tensor.shape)]
    width = len(tensor.data) // total
    return range(0, width * total + 1, width) if width else [0] * (total + 1)


def _chosen(outputs: tuple[Tensor, ...], names: tuple[str, ...]) -> tuple[Tensor, ...]:
    if not names:
        return outputs
    by_name = {tensor.name: tensor for tensor in outputs}
    return tuple(by_name[name] for name in names)
