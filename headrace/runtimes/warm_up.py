"""The runs that a manifest asks for before a version is served."""

from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

import numpy as np

from headrace.arrays import DATATYPES, ITEM_BYTES, from_array, split_bytes
from headrace.errors import HeadraceError, ModelInvalid
from headrace.runtimes.execute import execute
from headrace.runtimes.runtime import LoadedModel
from headrace.types import FREE, Manifest, Shape, Signature, Tensor, TensorSpec, WarmUp, WarmUpInput


def warm_up(model: LoadedModel, manifest: Manifest, found: Signature, asked: WarmUp) -> None:
    """Run the model on what is asked. Raises ModelInvalid where it cannot be, or where the model refuses it."""
    try:
        _check(found.inputs, asked.inputs)
        inputs = [_input(manifest, spec, asked, found.batch.batched) for spec in found.inputs]
        for _ in range(asked.count):
            execute(model, found, inputs)
    except HeadraceError as error:
        raise ModelInvalid(f"warm-up {asked.name!r}: {error}", manifest.provenance.get("warm_up", "")) from error


def _check(specs: Iterable[TensorSpec], given: Mapping[str, WarmUpInput]) -> None:
    datatypes = {spec.name: spec.datatype for spec in specs}
    for name, each in given.items():
        if name not in datatypes:
            raise ModelInvalid(f"the model has no {name!r}; it has {', '.join(datatypes) or 'none'}", "inputs")
        if each.datatype != datatypes[name]:
            raise ModelInvalid(f"is {datatypes[name]} in the file, not {each.datatype}", f"inputs.{name}.datatype")


def _input(manifest: Manifest, spec: TensorSpec, asked: WarmUp, batched: bool) -> Tensor:
    """What the warm-up says of the input, or zeros of size 1 in its free dimensions."""
    given = asked.inputs.get(spec.name)
    row = tuple(1 if size == FREE else size for size in spec.shape)[batched:] if given is None else given.shape
    shape = (asked.batch_size, *row) if batched else row
    if given is not None and given.data == "file":
        return Tensor(spec.name, spec.datatype, shape, _of_file(manifest, given, row, shape))
    if given is not None and given.data == "random" and spec.datatype != "BYTES":
        values = np.random.default_rng(0).random(shape)
        return from_array(spec.name, values.astype(DATATYPES[spec.datatype]), spec.datatype)
    zeros = np.full(shape, b"", dtype=object) if spec.datatype == "BYTES" else np.zeros(shape, DATATYPES[spec.datatype])
    return from_array(spec.name, zeros, spec.datatype)


def _of_file(manifest: Manifest, given: WarmUpInput, row: Shape, shape: Shape) -> bytes:
    """The data of all rows: what the file holds of them, or of one, which is then repeated."""
    data = _inside(manifest, given.file).read_bytes()
    item = ITEM_BYTES[given.datatype]
    has = len(data) / item if item else _num_elements(data, given.file)
    if has == prod(shape):
        return data
    if has == prod(row):
        return data * shape[0]
    what = f"{len(data)} bytes" if item else f"{has:.0f} elements"
    takes = f"{prod(row) * item} bytes" if item else f"{prod(row)} elements"
    raise ModelInvalid(f"{given.file!r} has {what}, where {given.datatype} of {list(row)} takes {takes}")


def _num_elements(data: bytes, file: str) -> int:
    try:
        return sum(1 for _ in split_bytes(data))
    except ValueError as error:
        raise ModelInvalid(f"{file!r}, whose elements have their lengths before them: {error}") from error


def _inside(manifest: Manifest, name: str) -> Path:
    """A file of the model's own folder. Raises ModelInvalid where it leaves it or is not there."""
    folder = manifest.folder or manifest.path.parent
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise ModelInvalid(f"{name!r} is not in the model's folder")
    return file
