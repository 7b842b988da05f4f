"""Whether a variant takes and gives what its model does. Pure."""

from collections.abc import Iterator, Sequence

from headrace.types import FREE, Shape, Signature, TensorSpec


def differences(model: Signature, variant: Signature) -> tuple[str, ...]:
    """What a client of the model would run into, a sentence each; nothing where the variant can stand in for it."""
    return (*_differ("input", model.inputs, variant.inputs), *_differ("output", model.outputs, variant.outputs))


def _differ(kind: str, wanted: Sequence[TensorSpec], found: Sequence[TensorSpec]) -> Iterator[str]:
    there = {spec.name: spec for spec in found}
    for spec in wanted:
        other = there.pop(spec.name, None)
        if other is None:
            yield f"it has no {kind} {spec.name!r}; it has {', '.join(repr(each.name) for each in found) or 'none'}"
        elif other.datatype != spec.datatype:
            yield f"{kind} {spec.name!r} is {other.datatype}, the model's {spec.datatype}"
        elif not _fits(kind, spec.shape, other.shape):
            yield f"{kind} {spec.name!r} is {_shown(other.shape)}, the model's {_shown(spec.shape)}"
    for name, spec in there.items():
        if kind == "input" and not spec.optional:
            yield f"it asks for an input {name!r}, which the model has not"


def _fits(kind: str, model: Shape, variant: Shape) -> bool:
    """An input has to take every size that the model's takes; of outputs many files do not know all sizes."""
    if len(model) != len(variant):
        return False
    pairs = zip(model, variant, strict=True)
    if kind == "input":
        return all(theirs in (ours, FREE) for ours, theirs in pairs)
    return all(ours == theirs or FREE in (ours, theirs) for ours, theirs in pairs)


def _shown(shape: Shape) -> str:
    return f"[{', '.join('?' if size == FREE else str(size) for size in shape)}]"
