"""Along which dimension rows could be filled up to one length: by the shapes, or by the configuration. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headrace.arrays import filled
from headrace.errors import ModelInvalid
from headrace.types import FREE, Number, Padding, TensorSpec

MOST_RANK = 3
"""Dimensions of an input that is filled up unasked where the model is given no mask: texts and series, no images."""

MASK = "mask"  # in the name of the input that tells a row from its filling


class PadChoice(NamedTuple):
    """A dimension to try: what each input that has it is filled up with there."""

    axis: int
    values: Mapping[str, Number]
    mask: str = ""


def choices(inputs: Sequence[TensorSpec]) -> list[PadChoice]:
    """What may be tried unasked, likeliest first: free dimensions that stand at one place in all inputs with them."""
    groups: dict[tuple[int, str], list[TensorSpec]] = {}
    for spec in inputs:
        for axis in range(1, len(spec.shape)):
            if spec.shape[axis] == FREE:
                groups.setdefault((axis, _symbol(spec, axis)), []).append(spec)
    named = [symbol for _, symbol in groups if symbol]
    found = [
        PadChoice(axis, dict.fromkeys([spec.name for spec in specs], 0), _mask(specs))
        for (axis, symbol), specs in groups.items()
        if named.count(symbol) <= 1 and all(spec.datatype != "BYTES" for spec in specs) and _series(specs)
    ]
    return sorted(found, key=lambda choice: (not choice.mask, -len(choice.values), choice.axis))


def declared(inputs: Iterable[TensorSpec], said: Padding) -> PadChoice:
    """What the configuration says; inputs with the same free dimension that it does not name are filled with 0.

    Raises ModelInvalid with the key at fault.
    """
    specs = {spec.name: spec for spec in inputs}
    named = dict(said.values) | ({said.mask: said.values.get(said.mask, 0)} if said.mask else {})
    for name in named:
        key = "mask" if name == said.mask else f"values.{name}"
        if name not in specs:
            raise ModelInvalid(f"the model has no input {name!r}; it has {', '.join(specs)}", f"batching.pad.{key}")
    symbols = {_symbol(specs[name], said.axis) for name in named}
    for name, spec in specs.items():
        free = spec.shape[said.axis : said.axis + 1] == (FREE,)
        if name not in named and free and not spec.optional and (not symbols or _symbol(spec, said.axis) in symbols):
            named[name] = 0
    if not named:
        raise ModelInvalid(f"no input has a free dimension {said.axis}", "batching.pad.axis")
    for name, value in named.items():
        _check_fill(specs[name], said.axis, value)
    return PadChoice(said.axis, named, said.mask)


def _check_fill(spec: TensorSpec, axis: int, value: Number) -> None:
    if len(spec.shape) <= axis:
        raise ModelInvalid(f"input {spec.name!r} has {len(spec.shape)} dimensions, the first is 0", "batching.pad.axis")
    if spec.shape[axis] != FREE:
        message = f"dimension {axis} of input {spec.name!r} is fixed at {spec.shape[axis]}: its rows have one length"
        raise ModelInvalid(message, "batching.pad.axis")
    try:
        filled(spec.datatype, value, ())
    except ValueError as error:
        raise ModelInvalid(f"input {spec.name!r}: {error}", f"batching.pad.values.{spec.name}") from None


def _symbol(spec: TensorSpec, axis: int) -> str:
    """The file's name of a dimension; empty where it says nothing."""
    symbol = spec.symbols[axis] if axis < len(spec.symbols) else ""
    return symbol if symbol.strip("?") else ""


def _mask(specs: Iterable[TensorSpec]) -> str:
    return next((spec.name for spec in specs if MASK in spec.name.lower()), "")


def _series(specs: Sequence[TensorSpec]) -> bool:
    return bool(_mask(specs)) or all(len(spec.shape) <= MOST_RANK for spec in specs)
