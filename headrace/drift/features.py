"""Which numbers are watched of a model's tensors, and what they are called."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from headrace.types import FREE, Shape, Signature, TensorSpec

POSITIONS = 64
"""Elements of a row that are watched one by one; a tensor of more, or of any number, is summed up."""

PROJECTIONS = 16
CLASSES = 1000
"""Elements of a row that may be the scores of classes."""

Kind = Literal["positions", "summary", "tokens", "text", "classes"]
SideName = Literal["inputs", "outputs"]

SUMMARY = ("mean", "std", "min", "max", "zeros", "missing", "length")
OF_TOKENS = ("length", "unknown")
OF_TEXT = ("length", "value")
OF_CLASSES = ("class", "score", "entropy")

_IDS = re.compile(r"(^|_)(ids|tokens?)$")
_NO_IDS = re.compile(r"(type|position|segment)_ids$")
_SCORES = re.compile(r"logit|prob|score|class|softmax", re.IGNORECASE)


class Part(msgspec.Struct, frozen=True):
    """What is watched of one tensor in one way; `names` are its features, in order, those that are not watched left
    out."""

    side: SideName
    tensor: str
    datatype: str
    kind: Kind
    row: Shape  # of one row; () and FREE as the model says
    names: tuple[str, ...]


class Plan(msgspec.Struct, frozen=True):
    """All that is watched of a model version."""

    inputs: tuple[Part, ...]
    outputs: tuple[Part, ...]
    batched: bool  # the first dimension is rows
    left_out: tuple[str, ...] = ()  # features beyond the most that are watched

    def names(self, side: SideName) -> tuple[str, ...]:
        """The features of a side, in order."""
        return tuple(name for part in getattr(self, side) for name in part.names)


def plan(signature: Signature, most: int) -> Plan:
    """Outputs' classes first, then positions, then what sums up, then projections: so are they kept where there are
    more than `most`."""
    batched = signature.batch.batched
    parts = [
        *(part for spec in signature.inputs for part in _parts("inputs", spec, batched)),
        *(part for spec in signature.outputs for part in _parts("outputs", spec, batched)),
    ]
    wanted = sorted((_rank(part, name), i, j) for i, part in enumerate(parts) for j, name in enumerate(part.names))
    kept = {(i, j) for _, i, j in wanted[:most]}
    left_out = tuple(parts[i].names[j] for _, i, j in wanted[most:])
    fewer = [
        msgspec.structs.replace(part, names=tuple(name for j, name in enumerate(part.names) if (i, j) in kept))
        for i, part in enumerate(parts)
    ]
    fewer = [part for part in fewer if part.names]
    sides = [tuple(part for part in fewer if part.side == side) for side in ("inputs", "outputs")]
    return Plan(sides[0], sides[1], batched, left_out)


def position_names(tensor: str, row: Sequence[int]) -> tuple[str, ...]:
    """`X[2]`, or `X[1,2]` where a row has several dimensions larger than 1."""
    sizes = [size for size in row if size != 1] or [1]
    names = []
    for flat in range(math.prod(sizes)):
        at, index = flat, []
        for size in reversed(sizes):
            at, digit = divmod(at, size)
            index.append(str(digit))
        names.append(f"{tensor}[{','.join(reversed(index))}]")
    return tuple(names)


def categorical(name: str) -> bool:
    """Whether a feature's numbers only stand for something."""
    return name.endswith((".class", ".value"))


def projected(name: str) -> str:
    """The tensor of a projection's name; empty for other features."""
    tensor, tilde, number = name.rpartition("~")
    return tensor if tilde and number.isdigit() else ""


def groups(names: Sequence[str]) -> dict[str, list[int]]:
    """The columns of each tensor's projections."""
    found: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if tensor := projected(name):
            found.setdefault(tensor, []).append(i)
    return found


def _parts(side: SideName, spec: TensorSpec, batched: bool) -> Iterable[Part]:
    row = tuple(spec.shape[1:]) if batched else tuple(spec.shape)

    def part(kind: Kind, names: Iterable[str]) -> Part:
        return Part(side, spec.name, spec.datatype, kind, row, tuple(names))

    projections = [f"{spec.name}~{k}" for k in range(PROJECTIONS)]
    fixed = FREE not in row
    if spec.datatype == "BYTES":
        yield part("text", [*(f"{spec.name}.{what}" for what in OF_TEXT), *projections])
    elif not fixed and spec.datatype in ("INT64", "INT32") and _is_ids(spec.name):
        yield part("tokens", [*(f"{spec.name}.{what}" for what in OF_TOKENS), *projections])
    else:
        if side == "outputs" and fixed and _is_scores(spec, row):
            yield part("classes", (f"{spec.name}.{what}" for what in OF_CLASSES))
        if fixed and math.prod(row) <= POSITIONS:
            yield part("positions", position_names(spec.name, row))
        else:
            yield part("summary", [*(f"{spec.name}.{what}" for what in SUMMARY), *projections])


def _is_ids(name: str) -> bool:
    return bool(_IDS.search(name)) and not _NO_IDS.search(name)


def _is_scores(spec: TensorSpec, row: Shape) -> bool:
    """Scores of classes are told by their labels or their name: an embedding looks the same."""
    sizes = [size for size in row if size != 1]
    floating = spec.datatype in ("FP16", "BF16", "FP32", "FP64")
    return floating and len(sizes) == 1 and sizes[0] <= CLASSES and bool(spec.labels or _SCORES.search(spec.name))


def _rank(part: Part, name: str) -> int:
    order: tuple[Kind, ...] = ("classes", "positions", "text", "tokens", "summary")
    return len(order) if projected(name) else order.index(part.kind)
