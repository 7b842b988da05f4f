"""What `--input NAME=...` may say -> arrays; knows no server.

NAME=@x.npy             an array from a file of numpy's
NAME=1,2,3              values; the model's shape says how they lie
NAME=[[1, 2], [3, 4]]   JSON, in the shape that it has
NAME=zeros:1x64         made up, of this shape: zeros, ones, or random (always the same)
NAME=zeros              the same in the model's shape, 1 where a dimension is free
NAME=text:a,b           for BYTES: one element, exactly the text behind `text:`
"""

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES
from headrace.cli.failure import Failure
from headrace.types import FREE, Shape, TensorSpec

Array = NDArray[Any]


def parse_input(text: str, spec: TensorSpec) -> Array:
    """The array that `text`, all behind `NAME=`, stands for. BF16 is its bits, BYTES are objects of `bytes`.

    Raises Failure, which says what was wrong and what would be right.
    """
    if text.startswith("@"):
        return _as_datatype(_from_file(Path(text[1:]), spec), spec)
    kind, colon, rest = text.partition(":")
    if colon and kind == "text" and spec.datatype == "BYTES":
        return _fit(_objects([rest]), spec)
    if kind in FILLS and (colon or spec.datatype != "BYTES"):
        shape = _shape(rest, spec)
        return _as_datatype(FILLS[kind](shape, spec.datatype), spec)
    return _from_text(text, spec)


def _zeros(shape: Shape, datatype: str) -> Array:
    return np.full(shape, b"", dtype=object) if datatype == "BYTES" else np.zeros(shape, _plain(datatype))


def _ones(shape: Shape, datatype: str) -> Array:
    return np.full(shape, b"1", dtype=object) if datatype == "BYTES" else np.ones(shape, _plain(datatype))


def _random(shape: Shape, datatype: str) -> Array:
    """Floats from a normal distribution, whole numbers below 100, strings of such numbers."""
    generator = np.random.default_rng(0)
    if datatype in ("FP16", "FP32", "FP64", "BF16"):
        return generator.standard_normal(shape).astype(_plain(datatype))
    if datatype == "BYTES":
        return _objects(generator.integers(0, 100, shape).tolist())
    high = 2 if datatype == "BOOL" else 100
    return generator.integers(0, high, shape).astype(_plain(datatype))


FILLS: dict[str, Callable[[Shape, str], Array]] = {"zeros": _zeros, "ones": _ones, "random": _random}


def _plain(datatype: str) -> np.dtype[Any]:
    """The numpy type that values are written in; BF16 is rounded to from FP32 at the end."""
    return np.dtype("<f4") if datatype == "BF16" else DATATYPES[datatype]


def _shape(text: str, spec: TensorSpec) -> Shape:
    """`1x64` as a shape; empty means the model's, with free dimensions of 1."""
    if not text:
        return tuple(1 if size == FREE else size for size in spec.shape)
    try:
        shape = tuple(int(size) for size in text.split("x"))
    except ValueError:
        shape = (-1,)
    if min(shape) < 0:
        raise Failure(f"input {spec.name!r}: {text!r} is not a shape; write it like 1x3x224x224", exit_code=2)
    if prod(shape) > 2**31:
        raise Failure(f"input {spec.name!r}: a shape of {text} is too large to make up", exit_code=2)
    return shape


def _from_file(path: Path, spec: TensorSpec) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise Failure(f"input {spec.name!r}: {path} cannot be read: {error.strerror or error}", exit_code=2) from error
    except (ValueError, EOFError) as error:
        raise Failure(f"input {spec.name!r}: {path} {_no_array(error)}", exit_code=2) from error
    if not isinstance(array, np.ndarray):
        raise Failure(f"input {spec.name!r}: {path} holds several arrays; save one with numpy.save", exit_code=2)
    return array


def _no_array(error: Exception) -> str:
    """What a file is that numpy did not read. It tells of pickles where it knows nothing of a file, an image say."""
    if str(error).startswith("Object arrays"):
        return "holds Python objects; save numbers or strings with numpy.save"
    if isinstance(error, EOFError) or "pickle" in str(error):
        return "is not a .npy file; make an array of what is in it, and save that with numpy.save"
    return f"is not a whole .npy file: {error}"


def _from_text(text: str, spec: TensorSpec) -> Array:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _comma_separated(text, spec)
    if spec.datatype == "BYTES":
        value = value if isinstance(value, list) else [text]
        return _fit(_objects(value), spec)
    try:
        array = np.array(value)
    except ValueError as error:
        raise Failure(f"input {spec.name!r}: the rows of {text!r} are not equally long", exit_code=2) from error
    return _fit(_as_datatype(_within_numpy(array, value, spec), spec), spec)


def _within_numpy(array: Array, value: Any, spec: TensorSpec) -> Array:
    """What numpy made of a value, but for whole numbers that no type of its holds: of those it makes objects, or floats
    that are not the same."""
    whole = _plain(spec.datatype).kind in "iu"
    if array.dtype != object and not (whole and array.dtype.kind == "f"):
        return array
    kinds = set(map(type, np.array(value, dtype=object).flat))
    if whole and kinds == {int}:
        raise _does_not_fit(spec)
    if not kinds <= {int, float}:
        return array
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise _does_not_fit(spec) from None


def _comma_separated(text: str, spec: TensorSpec) -> list[Any]:
    parts = [part.strip() for part in text.split(",")]
    if spec.datatype == "BYTES":
        return parts
    try:
        return [_value(part) for part in parts]
    except ValueError as error:
        forms = "@file.npy, 1,2,3, [[1, 2]], zeros:1x64 or random:1x64"
        raise Failure(f"input {spec.name!r}: {text!r} is not understood; write {forms}", exit_code=2) from error


def _value(text: str) -> Any:
    """One value as JSON has it, or a number as people write it: `.5`, `nan`, `-inf`. Raises ValueError."""
    try:
        return json.loads({"True": "true", "False": "false"}.get(text, text))
    except ValueError:
        return float(text)


def _objects(value: list[Any]) -> Array:
    """Nested lists of strings or numbers as an array of `bytes`."""
    try:
        array = np.array(value, dtype=str)
    except ValueError as error:
        raise Failure(f"the rows of {value!r} are not equally long", exit_code=2) from error
    elements = np.empty(array.size, dtype=object)
    for index, element in enumerate(array.ravel().tolist()):
        elements[index] = element.encode()
    return elements.reshape(array.shape)


def _as_datatype(array: Array, spec: TensorSpec) -> Array:
    """The same values in the input's datatype. Raises Failure where they would not be the same."""
    if spec.datatype == "BYTES":
        return array if array.dtype == object else _bytes_of(array, spec)
    if spec.datatype == "BF16":
        return array if array.dtype == np.uint16 else _bf16_bits(_cast(array, np.dtype("<f4"), spec))
    return _cast(array, DATATYPES[spec.datatype], spec)


def _cast(array: Array, dtype: np.dtype[Any], spec: TensorSpec) -> Array:
    if array.dtype == dtype:
        return array
    whole = array.dtype.kind in "iu" and dtype.kind in "iu"
    if array.size == 0 or whole or np.can_cast(array.dtype, dtype, "same_kind"):
        with np.errstate(over="ignore"):
            made = array.astype(dtype)
        if not whole or np.array_equal(made, array):
            return made
        raise _does_not_fit(spec)
    raise Failure(f"input {spec.name!r} takes {spec.datatype}; {array.dtype} was given", exit_code=2)


def _does_not_fit(spec: TensorSpec) -> Failure:
    return Failure(f"input {spec.name!r}: a value does not fit in {spec.datatype}", exit_code=2)


def _bytes_of(array: Array, spec: TensorSpec) -> Array:
    if array.dtype.kind not in "SU":
        raise Failure(f"input {spec.name!r} takes BYTES (strings); {array.dtype} was given", exit_code=2)
    made = np.empty(array.size, dtype=object)
    for index, element in enumerate(array.ravel().tolist()):
        made[index] = element.encode() if isinstance(element, str) else element
    return made.reshape(array.shape)


def _bf16_bits(array: Array) -> Array:
    """FP32 rounded to the nearest BF16, ties to even, as bits."""
    bits = array.view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), 0x7FC0, rounded).astype(np.uint16)


def _fit(array: Array, spec: TensorSpec) -> Array:
    """Values in a row laid out as the model's shape says: the last free dimension takes all that is left."""
    if array.ndim > 1 or array.ndim == len(spec.shape):
        return array
    free = [axis for axis, size in enumerate(spec.shape) if size == FREE]
    shape: list[int] = [1 if size == FREE else size for size in spec.shape]
    fixed = prod(shape)
    if free and fixed and array.size % fixed == 0:
        shape[free[-1]] = array.size // fixed
    if prod(shape) != array.size:
        wanted = "x".join("?" if size == FREE else str(size) for size in spec.shape)
        raise Failure(f"input {spec.name!r}: {array.size} values do not fill the shape {wanted}", exit_code=2)
    return array.reshape(shape)
