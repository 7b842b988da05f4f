"""Which files beside its own a model is read from: weights that do not lie in it."""

import os
import re
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

from headrace.runtimes.onnx_fields import GRAPH, Field, fields, mapped, within

BESIDE = {".xml": ".bin", ".pdmodel": ".pdiparams", ".json": ".pdiparams"}
"""The suffix of the weights, of formats that have them in a file of the same stem."""

INITIALIZER = 5  # of GraphProto
EXTERNAL_DATA = 13  # of TensorProto
VALUE = 2  # of StringStringEntryProto

_LOCATION = re.compile(rb"\x0a\x08location")  # the key of such an entry, and its length before it


def external_data(path: Path) -> list[Path]:
    """The files beside a model's own; those that it names may be missing. Raises ValueError where it cannot be told
    which they are, and OSError where the model's own cannot be read."""
    if path.suffix.lower() in BESIDE:
        weights = path.with_suffix(BESIDE[path.suffix.lower()])
        return [weights] if weights.exists() else []
    if path.suffix.lower() != ".onnx":
        return []
    with mapped(path) as content:
        try:
            names = {name for part in _parts(content) for name in _named(content, part)}
        except IndexError as error:
            raise ValueError("it is cut short") from error
    return [path.parent / os.fsdecode(name) for name in sorted(names)]


def _parts(content: mmap) -> Iterator[Field]:
    """Where names may stand: all of the file but the weights of its graph, a search through which takes seconds."""
    for part in fields(content, 0, len(content)):
        if part.key != GRAPH:
            yield part
            continue
        for each in fields(content, part.begin, part.end):
            if each.key == INITIALIZER:
                yield from within(content, each.begin, each.end, EXTERNAL_DATA)
            else:
                yield each


def _named(content: mmap, part: Field) -> Iterator[bytes]:
    """Tensors of nodes, of graphs within them and of functions may lie elsewhere too: it is found by its bytes."""
    for found in _LOCATION.finditer(content, part.begin, part.end):
        entry = fields(content, found.start(), part.end)
        next(entry)
        value = next(entry, None)
        if value is None or value.key != VALUE:
            raise ValueError("a location stands without its value")
        yield content[value.begin : value.end]
