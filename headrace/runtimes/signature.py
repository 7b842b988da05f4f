"""What the file says and what the configuration says -> what clients are told."""

from collections.abc import Mapping, Sequence

import msgspec

from headrace.errors import ModelInvalid
from headrace.runtimes.runtime import LoadedModel
from headrace.runtimes.specs import narrowed
from headrace.types import FREE, BatchAxis, Manifest, Shape, Signature, TensorSpec

_RIGHT = (
    "export it with one, or switch batching off: `batching = false` in model.toml, or `max_batch_size: 0` in"
    " config.pbtxt, whose dims are then whole shapes"
)


def signature(model: LoadedModel, manifest: Manifest, axis: BatchAxis) -> Signature:
    """The model's own specifications with the manifest's laid over them, by name.

    Where rows of requests are joined, an optional input that has no rows is left out: one request's would be all's.
    What the file fixes of an input stays fixed; of an output, files often say less than is so.
    Raises ModelInvalid, naming the field, where both cannot be true.
    """
    inputs = tuple(map(_bound, _overridden(model.inputs, manifest.inputs, "inputs", manifest.provenance), model.inputs))
    outputs = _overridden(model.outputs, manifest.outputs, "outputs", manifest.provenance)
    if axis.batched:
        said = {spec.name for spec in manifest.inputs}
        inputs = tuple(spec for spec in inputs if _has_rows(spec) or not spec.optional or spec.name in said)
        for spec in inputs:
            if not _has_rows(spec):
                found = f"{spec.name!r} of shape {list(_inside(spec))} has no free first dimension"
                raise ModelInvalid(f"batching is on, and {found}; {_RIGHT}", f"inputs.{spec.name}")
        outputs = tuple(_free_first(spec) for spec in outputs)
    return Signature(inputs, outputs, axis, model.platform, model.runtime)


def _overridden(
    found: Sequence[TensorSpec], said: Sequence[TensorSpec], kind: str, provenance: Mapping[str, str]
) -> tuple[TensorSpec, ...]:
    overrides = {spec.name: spec for spec in said}
    files = {name: f"{file}: " for name in overrides if (file := provenance.get(f"{kind}.{name}"))}
    names = [spec.name for spec in found]
    for name in overrides:
        if name not in names:
            message = f"the model has no {name!r}; it has {', '.join(names) or 'none'}"
            raise ModelInvalid(message, f"{files.get(name, '')}{kind}")
    return tuple(
        _merged(spec, overrides[spec.name], f"{files.get(spec.name, '')}{kind}.{spec.name}")
        if spec.name in overrides
        else spec
        for spec in found
    )


def _merged(found: TensorSpec, said: TensorSpec, where: str) -> TensorSpec:
    if said.datatype and said.datatype != found.datatype:
        raise ModelInvalid(f"is {found.datatype} in the file, not {said.datatype}", f"{where}.datatype")
    shape, inside = said.shape or found.shape, said.model_shape
    file_sees = shape if inside is None else inside
    if found.shape and not _fits(file_sees, found.shape):
        field = "shape" if inside is None else "reshape"
        hint = _about_the_batch_axis(file_sees, found.shape)
        raise ModelInvalid(f"is {list(found.shape)} in the file, not {list(file_sees)}{hint}", f"{where}.{field}")
    return msgspec.structs.replace(
        found,
        shape=shape,
        optional=found.optional or said.optional,
        labels=said.labels or found.labels,
        model_shape=inside,
        symbols=found.symbols if len(found.symbols) == len(shape) else (),
    )


def _fits(said: Shape, found: Shape) -> bool:
    """Whether both can be true of one tensor: equal ranks, equal sizes where both give one."""
    return len(said) == len(found) and all(FREE in pair or pair[0] == pair[1] for pair in zip(said, found, strict=True))


def _about_the_batch_axis(said: Shape, found: Shape) -> str:
    """What to do where the two differ in nothing else; empty where they do."""
    if said[:1] == (FREE,) and _fits(said[1:], found):
        return "; leave out the batch axis: a config.pbtxt with a max_batch_size above 0 puts it before its dims"
    if found[:1] == (FREE,) and _fits(said, found[1:]):
        return "; the batch axis belongs to it, unless a config.pbtxt has a max_batch_size above 0"
    return ""


def _bound(spec: TensorSpec, found: TensorSpec) -> TensorSpec:
    """An input, where the file fixes what the manifest leaves free: a runtime takes no other size."""
    if spec.model_shape is None:
        return msgspec.structs.replace(spec, shape=narrowed(found.shape, spec.shape))
    inside = narrowed(found.shape, spec.model_shape)
    sizes = iter(size for size, said in zip(inside, spec.model_shape, strict=False) if said == FREE)
    seen = tuple(next(sizes, FREE) if size == FREE else size for size in spec.shape)  # as `same_size` has them
    return msgspec.structs.replace(spec, shape=seen, model_shape=inside)


def _inside(spec: TensorSpec) -> Shape:
    """The shape that the model itself sees."""
    return spec.shape if spec.model_shape is None else spec.model_shape


def _has_rows(spec: TensorSpec) -> bool:
    return spec.shape[:1] == (FREE,) and _inside(spec)[:1] == (FREE,)


def _free_first(spec: TensorSpec) -> TensorSpec:
    """An output of a batched model: exporters often leave the size that they traced with in the file."""
    inside = (FREE, *spec.model_shape[1:]) if spec.model_shape else spec.model_shape
    return msgspec.structs.replace(spec, shape=(FREE, *spec.shape[1:]), model_shape=inside) if spec.shape else spec
