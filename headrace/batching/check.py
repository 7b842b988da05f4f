"""A request held against a model's signature: what is wrong with it, or how many rows and of which shape."""

from math import prod
from typing import NamedTuple

from headrace.errors import HeadraceError, InvalidRequest
from headrace.types import FREE, Request, Shape, Signature, Tensor, TensorSpec

Key = tuple[object, ...]
"""Requests of equal keys may share a run; an empty key says that the model has one shape only."""


class Checked(NamedTuple):
    """A request that the model may be asked."""

    rows: int
    key: Key
    length: int = 0  # of a row: along the axis that rows are filled up along, else its numbers; 0: all are of one size


MOST_KNOWN = 1024  # forms of requests that are remembered


class Check:
    """Holds requests against one signature; made once a version.

    What it finds depends on names, datatypes and shapes alone, and clients repeat those: right ones are remembered.
    """

    def __init__(self, signature: Signature) -> None:
        self._known: dict[object, Checked] = {}
        self._specs = {spec.name: spec for spec in signature.inputs}
        self._required = [spec.name for spec in signature.inputs if not spec.optional]
        self._outputs = {spec.name for spec in signature.outputs}
        self._batched = signature.batch.batched
        self._most_rows = max(signature.batch.max_size, signature.batch.most_rows)
        self._pad = signature.batch.pad
        self._one_shape = len(self._required) == len(self._specs) and all(
            FREE not in self._agreed(spec.name, spec.shape) for spec in signature.inputs
        )

    def __call__(self, request: Request) -> Checked:
        """Rows and key of the request. Raises InvalidRequest with the path of the field at fault."""
        form = request.outputs, *[(tensor.name, tensor.datatype, tensor.shape) for tensor in request.inputs]
        known = self._known.get(form)
        if known is None:
            known = self._checked(request)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[form] = known
        return known

    def _checked(self, request: Request) -> Checked:
        seen: set[str] = set()
        for index, tensor in enumerate(request.inputs):
            spec = self._specs.get(tensor.name)
            if spec is None:
                raise self._unknown_input(index, tensor)
            if tensor.name in seen:
                raise InvalidRequest(f"input {tensor.name!r} is given twice", f"inputs[{index}].name")
            seen.add(tensor.name)
            fault = _mismatch(tensor, spec, index)
            if fault:
                raise fault
        missing = [repr(name) for name in self._required if name not in seen]
        if missing:
            raise InvalidRequest(f"missing: {', '.join(missing)}", "inputs")
        for index, name in enumerate(request.outputs):
            if name not in self._outputs:
                known = ", ".join(sorted(self._outputs))
                raise InvalidRequest(f"the model has no output {name!r}; it has {known}", f"outputs[{index}].name")
        rows = self._rows(request.inputs) if self._batched else 1
        return self._placed(rows, request.inputs)

    def _rows(self, inputs: tuple[Tensor, ...]) -> int:
        if not inputs:
            raise InvalidRequest("are none; one at least has to say how many rows there are", "inputs")
        rows = inputs[0].shape[0]
        for index, tensor in enumerate(inputs):
            if tensor.shape[0] != rows:
                raise InvalidRequest(
                    f"has {tensor.shape[0]} rows where inputs[0] has {rows}; all inputs have the same, unless the "
                    "model has `batching = false`",
                    f"inputs[{index}].shape",
                )
        if not 0 < rows <= self._most_rows:
            more = " (its batching.max_size allows more)" if rows else ""
            raise InvalidRequest(
                f"has {rows} rows; a request may have 1 to {self._most_rows:,}{more}", "inputs[0].shape"
            )
        return rows

    def _placed(self, rows: int, inputs: tuple[Tensor, ...]) -> Checked:
        """What may share a run with it: where rows are filled up, whatever differs in length alone."""
        pad = self._pad
        if pad is None:
            if self._one_shape:
                return Checked(rows, ())
            return Checked(
                rows, self._key(inputs), max([prod(self._agreed(each.name, each.shape)) for each in inputs], default=0)
            )
        sizes = {tensor.shape[pad.axis] for tensor in inputs if tensor.name in pad.values}
        length = max(sizes, default=0)
        told = not pad.mask or any(tensor.name == pad.mask for tensor in inputs)
        if pad.packed and pad.lengths and length > pad.lengths[1]:
            longest = next(
                index for index, each in enumerate(inputs) if each.shape[pad.axis : pad.axis + 1] == (length,)
            )
            raise InvalidRequest(
                f"has {length:,} along axis {pad.axis}, the model takes up to {pad.lengths[1]:,}",
                f"inputs[{longest}].shape",
            )
        if len(sizes) != 1 or not length or not told:
            return Checked(rows, tuple(sorted((tensor.name, tensor.shape) for tensor in inputs)), length)
        if not pad.fills(length):
            return Checked(rows, tuple(sorted((tensor.name, tensor.shape[1:]) for tensor in inputs)), length)
        return Checked(rows, () if self._one_shape else self._key(inputs), length)

    def _key(self, inputs: tuple[Tensor, ...]) -> Key:
        return tuple(sorted((tensor.name, self._agreed(tensor.name, tensor.shape)) for tensor in inputs))

    def _agreed(self, name: str, shape: Shape) -> Shape:
        """The sizes that requests must agree in to share a run."""
        if not self._batched:
            return shape
        if self._pad and name in self._pad.values:
            return shape[1 : self._pad.axis] + shape[self._pad.axis + 1 :]
        return shape[1:]

    def _unknown_input(self, index: int, tensor: Tensor) -> HeadraceError:
        known = ", ".join(self._specs) or "none"
        return InvalidRequest(f"the model has no input {tensor.name!r}; it has {known}", f"inputs[{index}].name")


def _mismatch(tensor: Tensor, spec: TensorSpec, index: int) -> HeadraceError | None:
    if tensor.datatype != spec.datatype:
        return InvalidRequest(
            f"input {spec.name!r} takes {spec.datatype}, not {tensor.datatype}", f"inputs[{index}].datatype"
        )
    if tensor.shape != spec.shape and not _fits(tensor.shape, spec.shape):
        wanted = _words(spec.shape)
        return InvalidRequest(f"input {spec.name!r} takes {wanted}, not {list(tensor.shape)}", f"inputs[{index}].shape")
    return None


def _fits(shape: Shape, wanted: Shape) -> bool:
    if len(shape) != len(wanted):
        return False
    for size, want in zip(shape, wanted, strict=True):  # noqa: SIM110  a loop is twice as quick here as all()
        if want not in (FREE, size):
            return False
    return True


def _words(shape: Shape) -> str:
    if not shape:
        return "a scalar (where that is not so, the file does not say its shape: say it in model.toml, under inputs)"
    return f"[{', '.join('any' if size == FREE else str(size) for size in shape)}]"
