"""Is the first axis a batch? Rows that differ are run alone and together, and held against each other."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import numpy as np

from headrace.errors import HeadraceError, ModelInvalid
from headrace.runtimes.beside import crowd_of, others
from headrace.runtimes.compare import Company, compare
from headrace.runtimes.pad_axis import choices, declared
from headrace.runtimes.pad_probe import probe_padding
from headrace.runtimes.rows import FEW, MANY, Rows, example_rows, rows_to_try
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.runtimes.specs import narrowed
from headrace.types import FREE, BatchAxis, Manifest, PadAxis, Padding, TensorSpec

SEARCH_S = 2.0
"""How long sizes are tried before the first request is waited for."""

FLOATS = {"FP16", "BF16", "FP32", "FP64"}

BATCH = "batch"  # in the name of a dimension: the rows of a batch, be it text_batch or batch_size

MOST_TRIED = 2  # dimensions that rows might be filled up along
NO_SERIES = "its inputs are no series of one length; `batching.pad` may name an axis to try"
LEARN_SIZES = "no sizes of its free dimensions were found that run; give the shapes under `inputs`"
LEARN = "no size of its free dimensions was found that runs: learned from the first request"


def find_batch_axis(
    model: LoadedModel, manifest: Manifest, default_max: int = 64, tolerance: float = 1e-3
) -> BatchAxis:
    """Whether rows may share a run, by trying: rows of usual sizes, alone and together.

    The manifest may decide it instead. Pending where nothing was found that runs.
    """
    max_size, tolerance = _limits(manifest, default_max, tolerance)
    said = manifest.batching
    if said.enabled is None:
        axis, rows = _found(model, manifest, max_size, tolerance)
    else:
        source = manifest.provenance.get("batching.enabled", "model.toml")
        axis, rows = BatchAxis(said.enabled, max_size if said.enabled else 1, why=f"{source} says so"), []
    if isinstance(said.pad, Padding):
        return _with_declared(model, manifest, said.pad, axis, tolerance)
    return _with_found(model, manifest, axis, rows, tolerance)


def _found(model: LoadedModel, manifest: Manifest, max_size: int, tolerance: float) -> tuple[BatchAxis, Rows]:
    """The batch axis, and the rows that have shown it."""
    inputs = _known([spec for spec in model.inputs if not spec.optional], manifest)
    if why := _no_axis(inputs, model.outputs):
        return BatchAxis(False, why=why), []
    for rows, alone in _running(model, inputs):
        return _verdict(model, rows, alone, max_size, tolerance), rows
    return BatchAxis(False, why=LEARN, pending=True), []


def _running(model: LoadedModel, inputs: Sequence[TensorSpec]) -> Iterator[tuple[Rows, list[Arrays]]]:
    """Made-up rows that the model runs, each alone, and what it answers."""
    exact = all(spec.datatype not in FLOATS for spec in model.outputs)
    deadline_s = time.monotonic() + SEARCH_S
    for rows in rows_to_try(inputs, MANY if exact else FEW):
        alone = _alone(model, rows)
        if alone is not None:
            yield rows, alone
        if time.monotonic() > deadline_s:
            break


def learn_batch_axis(
    model: LoadedModel, manifest: Manifest, example: Arrays, default_max: int = 64, tolerance: float = 1e-3
) -> BatchAxis:
    """The same, from the arrays of a request that ran; rows are made from it. Pending where its rows cannot differ."""
    max_size, tolerance = _limits(manifest, default_max, tolerance)
    if why := _no_axis(_known(model.inputs, manifest), model.outputs):  # optional ones too: they are offered by now
        return BatchAxis(False, why=why)
    ran = False
    for rows in example_rows(example):
        ran = True
        alone = _alone(model, rows)
        if alone is not None:
            axis = _verdict(model, rows, alone, max_size, tolerance)
            return _with_found(model, manifest, axis, rows, tolerance)
    if ran:
        return BatchAxis(False, why="rows made from the first request do not run alone")
    return BatchAxis(False, why="the request's rows could not be told apart: learned from a later one", pending=True)


def _with_found(model: LoadedModel, manifest: Manifest, axis: BatchAxis, rows: Rows, tolerance: float) -> BatchAxis:
    """The batch axis, and what these rows show of rows of several lengths."""
    said = manifest.batching.pad
    if said is False or not axis.batched or not rows:
        return axis
    known = _known(model.inputs, manifest)
    specs = [spec for spec in known if spec.name in rows[0]]
    tried = choices(specs)
    if isinstance(said, Padding):  # by now it is known to be right as far as shapes tell
        tried = [declared(known, said)]
        if missing := [name for name in tried[0].values if name not in rows[0]]:
            return msgspec.structs.replace(axis, unpadded=f"the first request did not give {missing[0]!r}")
    elif _reshaped(manifest):
        tried = []
    why = NO_SERIES if any(FREE in spec.shape[1:] for spec in specs) and not tried else ""
    for choice in tried[:MOST_TRIED]:
        found = probe_padding(model, choice, rows, tolerance)
        if isinstance(found, PadAxis):
            if isinstance(said, Padding):  # of any length
                found = msgspec.structs.replace(found, lengths=None)
            return msgspec.structs.replace(axis, pad=found)
        why = why or found
    return msgspec.structs.replace(axis, unpadded=why)


def _with_declared(
    model: LoadedModel, manifest: Manifest, said: Padding, axis: BatchAxis, tolerance: float
) -> BatchAxis:
    """The batch axis with the padding that is configured. Raises ModelInvalid where answers are not the same."""
    source = manifest.provenance.get("batching.pad", "model.toml")
    if _reshaped(manifest):
        raise ModelInvalid("rows of a model with a `reshape` cannot be padded", f"{source}: batching.pad")
    specs = _known(model.inputs, manifest)
    try:
        choice = declared(specs, said)
    except ModelInvalid as error:
        raise ModelInvalid(error.message, f"{source}: {error.where}") from None
    if axis.pending:
        return axis
    why = "" if axis.batched else f"rows do not share a run: {axis.why}"
    if not why:
        used = [spec for spec in specs if spec.name in choice.values or not spec.optional]
        rows = next((rows for rows, _ in _running(model, used)), None)
        tried = probe_padding(model, choice, rows, tolerance, most_s=None) if rows else LEARN_SIZES
        if isinstance(tried, PadAxis):
            pad = msgspec.structs.replace(tried, lengths=None, why=f"{source} says so; {tried.why}")
            return msgspec.structs.replace(axis, pad=pad)
        why = tried
    raise ModelInvalid(f"rows cannot be padded along axis {said.axis}: {why}", f"{source}: batching.pad")


def _reshaped(manifest: Manifest) -> bool:
    """Whether clients see other dimensions than the model does."""
    return any(spec.model_shape is not None for spec in (*manifest.inputs, *manifest.outputs))


def _limits(manifest: Manifest, default_max: int, tolerance: float) -> tuple[int, float]:
    said = manifest.batching
    return said.max_size or default_max, tolerance if said.tolerance is None else said.tolerance


def _known(specs: Iterable[TensorSpec], manifest: Manifest) -> list[TensorSpec]:
    """The inputs as the file sees them, with what the configuration says of their free dimensions."""
    said = {spec.name: spec.model_shape or spec.shape for spec in manifest.inputs}
    return [
        msgspec.structs.replace(spec, shape=narrowed(spec.shape, said[spec.name])) if said.get(spec.name) else spec
        for spec in specs
    ]


def _no_axis(inputs: list[TensorSpec], outputs: tuple[TensorSpec, ...]) -> str:
    """Why no axis can be a batch, by the shapes alone; empty where one can."""
    if not inputs:
        return "it has no inputs that a request must give"
    for spec in inputs:
        if not spec.shape:
            return f"input {spec.name!r} is a scalar, or the file does not say how many dimensions it has"
        first = spec.symbols[0] if spec.symbols else ""
        if first.strip("?") and first in spec.symbols[1:]:
            return f"two dimensions of input {spec.name!r} are both named {first!r}"
    if apart := _named_apart(inputs):
        return apart
    for spec in inputs:
        if spec.shape[0] != FREE:
            return f"the first dimension of input {spec.name!r} is fixed at {spec.shape[0]}"
    for spec in outputs:
        if spec.shape and spec.shape[0] not in (FREE, 1):  # of one row, exporters say 1 and mean any
            return f"the first dimension of output {spec.name!r} is fixed at {spec.shape[0]}"
    return ""


def _named_apart(inputs: list[TensorSpec]) -> str:
    """Why the inputs' first dimensions are two things, by the names that somebody has given them; empty where nobody
    has. Exporters that make names up count with them, and may give each input its own."""
    given = {spec.symbols[0]: spec.name for spec in inputs if spec.symbols and _is_word(spec.symbols[0])}
    named = [word for word in given if BATCH not in word.lower()]
    if len(named) < 2:
        return ""
    first, second = named[:2]
    what = f"the first dimensions of inputs {given[first]!r} and {given[second]!r} are named {first!r} and {second!r}"
    return f"{what}: they may differ in size; `batching = true` has them share runs all the same"


def _is_word(symbol: str) -> bool:
    return symbol.isidentifier() and not any(map(str.isdigit, symbol))


def _alone(model: LoadedModel, rows: Rows) -> list[Arrays] | None:
    """What each row gives alone; None where one does not run, or gives nothing that could be compared."""
    try:
        alone = [model.run(row, ()) for row in rows]
    except HeadraceError:
        return None
    floats = [array for given in alone for array in given.values() if array.dtype.kind == "f" and array.size]
    if floats and not any(np.isfinite(array).any() for array in floats):
        return None
    return alone


def _verdict(model: LoadedModel, rows: Rows, alone: list[Arrays], max_size: int, tolerance: float) -> BatchAxis:
    """What the rows say once they have run together, in two sizes and orders, in a full run, and beside other ones."""
    try:
        began_s = time.process_time()  # whatever others do with the cores
        once_more = model.run(rows[0], ())
        row_s = time.process_time() - began_s
        again = compare([alone[0]], once_more, model.outputs, tolerance)
        if again.why or not again.within:
            return BatchAxis(False, why=again.why or f"a row run twice gives different answers: {again.moved()}")
        found = Company()
        for order in ((0, 1), tuple(reversed(range(len(rows))))):
            found = found.worse(_held(model, rows, alone, order, tolerance))
        axis = _axis(found, lambda: model.coarse, max_size)
        if axis.batched and (crowd := crowd_of(rows, max_size, row_s)):
            found = _held(model, rows, alone, crowd, tolerance)
            axis = _unless(axis, found, f"in a run of {len(crowd)} rows", lambda: model.coarse)
        return _beside_others(model, rows, alone, axis, tolerance)
    except HeadraceError as error:
        return BatchAxis(False, why=f"rows that run alone do not run together: {error.message}")


def _held(model: LoadedModel, rows: Rows, alone: list[Arrays], order: Sequence[int], tolerance: float) -> Company:
    """These of the rows, run together."""
    together = model.run(_joined([rows[index] for index in order]), ())
    return compare([alone[index] for index in order], together, model.outputs, tolerance)


def _beside_others(model: LoadedModel, rows: Rows, alone: list[Arrays], axis: BatchAxis, tolerance: float) -> BatchAxis:
    """What is left of the axis once the rows have run beside others of a kind that another client may send.

    A scale that is taken over a whole batch, as dynamic quantisation takes it, leaves nothing of small numbers beside
    large ones; what is missing may be filled in from the batch.
    """
    for other in others(model, rows[0]) if axis.batched else ():
        try:
            own = model.run(other.row, ())
        except HeadraceError:
            continue
        together = model.run(_joined([*rows, other.row]), ())
        found = compare(alone, {name: array[: len(rows)] for name, array in together.items()}, model.outputs, tolerance)
        if other.held:
            found = found.worse(compare([*alone, own], together, model.outputs, tolerance))
        axis = _unless(axis, found, f"beside a row of {other.what}", lambda: model.coarse)
        if not axis.batched:
            break
    return axis


def _unless(axis: BatchAxis, found: Company, where: str, coarse: Callable[[], bool]) -> BatchAxis:
    """The axis, unless rows depend on such company."""
    there = _axis(found, coarse, axis.max_size)
    if there.batched:
        return axis
    return msgspec.structs.replace(
        there, why=f"{where}, {there.why}; `batching = true` has them share runs all the same"
    )


def _axis(found: Company, coarse: Callable[[], bool], max_size: int) -> BatchAxis:
    """The decision: equal, or moved no more than the model's own noise, or not a batch."""
    if found.why:
        return BatchAxis(False, difference=found.difference, why=found.why)
    if found.within:
        apart = f", to {found.difference:.1e}" if found.difference else ""
        return BatchAxis(True, max_size, found.difference, f"the same alone and together{apart}")
    if found.in_noise and coarse():
        return BatchAxis(True, max_size, found.difference, f"{found.moved()}: the noise of a quantised model")
    return BatchAxis(False, difference=found.difference, why=f"{found.moved()}: rows do not keep to themselves")


def _joined(rows: list[Arrays]) -> Arrays:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
