"""What was usual of a model, kept for the next start: one file a model, which nobody else reads."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.drift.mmd import Kernel
from headrace.drift.reference import Column, Reference, normal_scores

log = logging.getLogger(__name__)

FORMAT = 1
MAX_BYTES = 64 << 20


class KeptColumn(msgspec.Struct, frozen=True):
    """A Column whose arrays are bytes of float64."""

    name: str
    rows: int
    values: bytes
    mean: float
    deviation: float
    skew: float
    inflation: float
    categories: bytes | None
    ranked: bool
    edges: bytes
    counts: bytes
    tied: bool


class KeptKernel(msgspec.Struct, frozen=True):
    """A Kernel, likewise."""

    centre: bytes
    scale: bytes
    frequencies: bytes
    mean: bytes
    spectrum: bytes


class KeptReference(msgspec.Struct, frozen=True):
    """A Reference, likewise."""

    rows: int
    columns: tuple[KeptColumn, ...]
    kernels: Mapping[str, KeptKernel]


class KeptModel(msgspec.Struct, frozen=True):
    """All that is kept of a model."""

    name: str
    inputs: KeptReference | None
    outputs: Mapping[int, KeptReference]  # by version, the latest last
    names: Mapping[str, tuple[str, ...]]  # the features of the version that began last, by side
    latest: int | None
    known: Mapping[str, tuple[tuple[bytes, ...], bytes]]  # by tensor: texts by number, and tokens as bits
    format: int = FORMAT


_DECODER = msgspec.msgpack.Decoder(KeptModel)


def write(folder: Path, model: KeptModel) -> None:
    """Put it in place of what was kept. What fails is logged: the server does without."""
    path = file_of(folder, model.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        aside.write_bytes(msgspec.msgpack.encode(model))
        aside.replace(path)
    except OSError as error:
        log.warning("what is usual of model %s is not kept for the next start: %s", model.name, error)


def read(folder: Path, name: str) -> KeptModel | None:
    """What was kept of a model; None where that is nothing, or no good."""
    path = file_of(folder, name)
    try:
        if not path.exists() or path.stat().st_size > MAX_BYTES:
            return None
        kept = _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        log.warning("what was usual of model %s cannot be read, and is seen anew: %s", name, error)
        return None
    return kept if kept.format == FORMAT and kept.name == name else None


def remove(folder: Path, name: str) -> None:
    """Keep nothing of a model any more."""
    file_of(folder, name).unlink(missing_ok=True)


def file_of(folder: Path, name: str) -> Path:
    """Where a model is kept; its name may be one that no file can have."""
    return folder / f"{hashlib.blake2b(name.encode(errors='surrogatepass'), digest_size=12).hexdigest()}.msgpack"


def packed(reference: Reference) -> KeptReference:
    """As it is written."""
    columns = tuple(
        KeptColumn(
            each.name,
            each.rows,
            each.values.tobytes(),
            each.mean,
            each.deviation,
            each.skew,
            each.inflation,
            None if each.categories is None else each.categories.tobytes(),
            each.scores is not None,
            each.edges.tobytes(),
            each.counts.tobytes(),
            each.tied,
        )
        for each in reference.columns
    )
    kernels = {
        tensor: KeptKernel(*(array.tobytes() for array in _arrays(of))) for tensor, of in reference.kernels.items()
    }
    return KeptReference(reference.rows, columns, kernels)


def unpacked(kept: KeptReference) -> Reference:
    """As it was. Raises ValueError where its bytes are no numbers."""
    return Reference(
        kept.rows,
        tuple(_column(each) for each in kept.columns),
        {tensor: _kernel(of) for tensor, of in kept.kernels.items()},
    )


def _column(kept: KeptColumn) -> Column:
    values = _floats(kept.values)
    return Column(
        kept.name,
        kept.rows,
        values,
        kept.mean,
        kept.deviation,
        kept.skew,
        kept.inflation,
        None if kept.categories is None else _floats(kept.categories),
        normal_scores(len(values)) if kept.ranked else None,
        _floats(kept.edges),
        _floats(kept.counts),
        kept.tied,
    )


def _kernel(kept: KeptKernel) -> Kernel:
    centre = _floats(kept.centre)
    frequencies = _floats(kept.frequencies).reshape(len(centre), -1)
    return Kernel(centre, _floats(kept.scale), frequencies, _floats(kept.mean), _floats(kept.spectrum))


def _arrays(of: Kernel) -> tuple[NDArray[np.float64], ...]:
    return of.centre, of.scale, of.frequencies, of.mean, of.spectrum


def _floats(content: bytes) -> NDArray[Any]:
    return np.frombuffer(content, np.float64)
