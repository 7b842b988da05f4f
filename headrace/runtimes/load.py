"""Manifest -> a loaded model that is known and warm: the runtimes by name, the probe."""

import importlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter_ns

import msgspec

from headrace.devices.process_stat import resident_bytes
from headrace.errors import ModelInvalid
from headrace.runtimes.few_shapes import FewShapes
from headrace.runtimes.in_parts import InParts
from headrace.runtimes.own_kernels import by_own_kernels
from headrace.runtimes.packed_texts import PackedTexts
from headrace.runtimes.probe import find_batch_axis, learn_batch_axis
from headrace.runtimes.runtime import Arrays, LoadedModel, Runtime
from headrace.runtimes.signature import signature
from headrace.runtimes.spread_rows import SpreadRows
from headrace.runtimes.thread_gain import half_takes
from headrace.runtimes.warm_up import warm_up
from headrace.types import BatchAxis, Manifest, Signature, TensorSpec

RUNTIMES = {
    "fake": ("headrace.runtimes.fake", "Fake"),
    "onnx": ("headrace.runtimes.onnx", "Onnx"),
    "openvino": ("headrace.runtimes.openvino", "OpenVino"),
}
"""Where each runtime lives; imported only by what runs a model of its kind."""

COMPILE_AHEAD_S, JOINING_S = 1.0, 4.0
"""That shapes are met for before anybody asks; of a file that joins another, which answers meanwhile."""

COMPILING = {"openvino"}
"""The runtimes that compile for each shape when they meet it."""

MOST_ROWS = 16_384
"""Of one request, where the model does not say how many a run may have: those who come after it wait for all of it."""

REENTRANT = {"onnx"}
"""The runtimes whose models several threads may run at once, where each run has one thread."""


class Found(msgspec.Struct, frozen=True):
    """What only running a model shows of its file."""

    axis: BatchAxis
    outputs: tuple[TensorSpec, ...]  # as clients are told: where the file gives no rank, or no classes, with those


Known = Callable[[str], Found | None]
"""What an earlier load by this version of a library found of the file; None: it is to be found."""


class Loading(msgspec.Struct, frozen=True):
    """What a model is loaded with. `axis` is what an earlier worker found, so that it is not probed again."""

    manifest: Manifest
    threads: int
    max_size: int  # the largest batch where nothing says less
    tolerance: float
    axis: BatchAxis | None = None
    weigh: bool = False  # also with half of the threads, to see what those are worth
    findings: Path | None = None  # the folder of what earlier loads found; None: nothing is kept
    anew: bool = False  # whatever was found before
    unpadded: str = ""  # why rows are not to be padded, not even for a trial
    spreads: bool = False  # at once, as what it stands in for
    spread_bytes: int = 0  # most that its process may take which may hold it twice, to spread rows over the cores


def _never() -> bool:
    """It holds it once."""
    return False


class Loaded(msgspec.Struct, frozen=True):
    """A model that is loaded, what it takes and gives, and what it is once a first request has shown its batch axis."""

    model: LoadedModel
    signature: Signature
    learn: Callable[[Arrays], "Loaded"]
    half_takes: float | None = None  # how many times as long a row takes with half of the threads; None: not tried
    spent_ns: tuple[tuple[str, int], ...] = ()  # by phase, on what is not loading itself
    spreads: Callable[[], bool] = _never  # whether it holds the model twice by now, to spread rows over the cores


def _nothing(library: str) -> Found | None:
    """No earlier load found anything."""
    return None


def load(asked: Loading, known: Known = _nothing) -> Loaded:
    """Load, probe and warm up. Raises ModelInvalid with a reason made for the user."""
    manifest = asked.manifest
    check_readable(manifest.path)
    model = _opened(asked, asked.threads)
    if not model.outputs:  # an empty file is a whole model to some of the readers
        raise ModelInvalid("it has no outputs: it is empty, or computes nothing", manifest.path.name)
    loaded_ns = perf_counter_ns()
    before = None if asked.axis else known(model.runtime)
    axis = asked.axis or (before.axis if before else _found(asked, model))
    axis = _with_most_rows(_packed(model, axis), manifest)
    probed_ns = perf_counter_ns()
    found = signature(model, manifest, axis)
    if before:
        found = msgspec.structs.replace(found, outputs=before.outputs)
    if axis.pad and manifest.runtime in COMPILING and not isinstance(model, PackedTexts):
        model = few = FewShapes(model, axis.pad)
        few.compile_ahead(axis.max_size, JOINING_S if manifest.joins else COMPILE_AHEAD_S)
    for run in manifest.warm_up:
        warm_up(model, manifest, found, run)
    warm_ns = perf_counter_ns()
    half = _half_takes(asked, model, axis) if asked.weigh else None
    probing_ns = probed_ns - loaded_ns + perf_counter_ns() - warm_ns
    spent_ns = (("probe", probing_ns), ("warmup", warm_ns - probed_ns))
    loaded = Loaded(model, found, partial(_learned, asked, model), half, spent_ns)
    spreads = may_spread(asked, axis) and not isinstance(model, PackedTexts)
    return _in_parts(_spreading(loaded, asked) if spreads else loaded)


def _learned(asked: Loading, model: LoadedModel, example: Arrays) -> Loaded:
    """What the arrays of a request that ran have shown of it; what was learned of none is still to be learned."""
    axis = learn_batch_axis(model, asked.manifest, example, asked.max_size, asked.tolerance)
    axis = _with_most_rows(_packed(model, axis), asked.manifest)
    try:
        found = signature(model, asked.manifest, axis)
    except ModelInvalid as error:  # it is served by now: as one whose rows share no runs
        found = signature(model, asked.manifest, BatchAxis(False, why=error.message))
    return _in_parts(Loaded(model, found, partial(_learned, asked, model)))


def may_spread(asked: Loading, axis: BatchAxis) -> bool:
    """Whether the rows of a batch may be shared out among the cores: they are known to need nothing of one another."""
    known = axis.batched and not axis.pending
    return known and asked.threads > 1 and asked.spread_bytes > 0 and asked.manifest.runtime in REENTRANT


def _spreading(loaded: Loaded, asked: Loading) -> Loaded:
    """The same, its batches' rows shared out among the cores, once that is worth it or at once."""
    has_room = partial(_has_room, asked.spread_bytes)
    model = SpreadRows(loaded.model, partial(_load_one, asked.manifest), asked.threads, has_room)
    if asked.spreads:
        model.get_ready()
    return msgspec.structs.replace(loaded, model=model, spreads=lambda: model.spreads)


def _keeps_whole(axis: BatchAxis) -> bool:
    """Whether requests are run as they are: rows are not known to keep to themselves."""
    return not axis.batched or axis.pending


def _with_most_rows(axis: BatchAxis, manifest: Manifest) -> BatchAxis:
    """With how many rows one request may have, where that is more than a run has."""
    said = bool(manifest.batching.max_size)
    return msgspec.structs.replace(axis, most_rows=0 if said or _keeps_whole(axis) else MOST_ROWS)


def _in_parts(loaded: Loaded) -> Loaded:
    """The same, more rows than a run has one part behind the other, where rows keep to themselves."""
    axis = loaded.signature.batch
    if _keeps_whole(axis):
        return loaded
    return msgspec.structs.replace(loaded, model=InParts(loaded.model, axis.max_size))


def _load_one(manifest: Manifest) -> LoadedModel:
    return runtime(manifest.runtime).load(manifest, 1)


def _has_room(most_bytes: int) -> bool:
    return resident_bytes() <= most_bytes


def check_readable(path: Path) -> None:
    """Raises ModelInvalid in plain words where this process may not read the file, whatever a library would say."""
    if path.is_file() and not os.access(path, os.R_OK):
        raise ModelInvalid(f"{path.name} cannot be read: permission denied; let the server's user read it")


def runtime(name: str) -> Runtime:
    """The runtime of that name. Raises ModelInvalid where it is unknown or its library is not installed."""
    if name not in RUNTIMES:
        raise ModelInvalid(f"there is no runtime {name!r}; there are {', '.join(sorted(RUNTIMES))}")
    module, kind = RUNTIMES[name]
    try:
        made: Runtime = getattr(importlib.import_module(module), kind)()
    except ModuleNotFoundError as error:
        raise ModelInvalid(
            f"runtime {name!r} needs {error.name!r}, which is not installed: pip install 'headrace[{name}]'"
        ) from error
    return made


def _opened(asked: Loading, threads: int) -> LoadedModel:
    """The file as it is run by so many threads."""
    manifest = asked.manifest
    return by_own_kernels(runtime(manifest.runtime).load(manifest, threads), manifest, threads, asked.findings)


def _packed(model: LoadedModel, axis: BatchAxis) -> BatchAxis:
    """What was found of its rows, and whether what they are filled up with is left out."""
    return model.packed(axis) if isinstance(model, PackedTexts) else axis


def _found(asked: Loading, model: LoadedModel) -> BatchAxis:
    manifest = asked.manifest
    if not asked.unpadded:
        return find_batch_axis(model, manifest, asked.max_size, asked.tolerance)
    unpadded = msgspec.structs.replace(manifest, batching=msgspec.structs.replace(manifest.batching, pad=False))
    axis = find_batch_axis(model, unpadded, asked.max_size, asked.tolerance)
    return msgspec.structs.replace(axis, unpadded=asked.unpadded) if axis.batched else axis


def _half_takes(asked: Loading, model: LoadedModel, axis: BatchAxis) -> float | None:
    manifest, threads = asked.manifest, asked.threads // 2
    if manifest.runtime == "fake" or not threads or axis.pending:
        return None

    def load_half() -> LoadedModel:
        return _opened(asked, threads)

    return half_takes(model, manifest.path, load_half)
