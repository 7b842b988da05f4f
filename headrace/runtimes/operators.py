"""What each operator of a model takes: its file loaded a second time, in a session that counts, and run for a while."""

import importlib
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Protocol

import msgspec
import numpy as np

from headrace.arrays import DATATYPES, from_array
from headrace.errors import InputRefused, Unsupported
from headrace.runtimes.execute import execute
from headrace.runtimes.load import check_readable
from headrace.runtimes.runtime import LoadedModel
from headrace.types import FREE, Manifest, Shape, Signature, Tensor, TensorSpec

WARM_UP = 2
"""Runs before those that are counted: a runtime makes room, and compiles for the shapes, in its first."""

SIZES = (32, 1, 64, 224)
"""That are tried for what is free of made-up inputs: long enough for a text, and for filters over an image."""

COUNTING = {"onnx": "headrace.runtimes.onnx_operators", "openvino": "headrace.runtimes.openvino_operators"}
"""Where the session of each runtime is made that counts."""


class Operator(msgspec.Struct, frozen=True):
    """One operator, in all runs together."""

    name: str
    type: str
    shape: str  # of what it gives, as far as that is known
    calls: int
    us: float


class Given(msgspec.Struct, frozen=True):
    """A tensor in memory of its own, as `types.Tensor` has it."""

    name: str
    datatype: str
    shape: Shape
    data: bytes


class Asked(msgspec.Struct, frozen=True):
    """What is to be found out. Samples take turns; where there is none, inputs are made up."""

    manifest: Manifest
    threads: int
    signature: Signature
    runs: int
    samples: tuple[tuple[Given, ...], ...] = ()


class Told(msgspec.Struct, frozen=True):
    """What was found out, of the runs that were counted."""

    operators: tuple[Operator, ...]
    run_us: float  # of one run, counting included


class Counting(Protocol):
    """A session that counts."""

    model: LoadedModel

    def begin(self) -> None:
        """From now on runs count."""
        ...

    def ran(self) -> None:
        """One of them is over."""
        ...

    def operators(self) -> list[Operator]:
        """What each took. Ends the session."""
        ...


def find_out(asked: Asked) -> Told:
    """Load, warm up, run and count. Raises Unsupported, ModelInvalid, or what a run raises."""
    check_readable(asked.manifest.path)
    counting = _counting(asked.manifest, asked.threads)
    samples = [[_tensor(each) for each in sample] for sample in asked.samples]
    samples = samples or [_that_run(counting.model, asked.signature)]
    for number in range(max(WARM_UP, len(samples))):
        execute(counting.model, asked.signature, samples[number % len(samples)])
    counting.begin()
    spent_ns = 0
    for number in range(asked.runs):
        began_ns = perf_counter_ns()
        execute(counting.model, asked.signature, samples[number % len(samples)])
        spent_ns += perf_counter_ns() - began_ns
        counting.ran()
    return Told(tuple(counting.operators()), spent_ns / 1000 / asked.runs)


def check_counts(runtime: str) -> None:
    """Raises Unsupported where models of that runtime cannot be looked into."""
    if runtime not in COUNTING:
        raise Unsupported(
            f"operators of the runtime {runtime!r} cannot be looked into, only those of {' and '.join(COUNTING)} models"
        )


def made_up(signature: Signature, size: int) -> list[Tensor]:
    """Inputs of one row, each size that is free as said: random numbers, zeros of whole ones, empty texts."""
    batched = signature.batch.batched
    return [_made_up(spec, size, batched) for spec in signature.inputs if not spec.optional]


def _that_run(model: LoadedModel, signature: Signature) -> list[Tensor]:
    """Made-up inputs of the first sizes that the model takes. Raises InputRefused where it takes none."""
    reasons = []
    for size in SIZES:
        inputs = made_up(signature, size)
        try:
            execute(model, signature, inputs)
        except InputRefused as error:
            reasons.append(str(error))
        else:
            return inputs
    raise InputRefused(f"no inputs could be made up that the model takes; ask again once it was asked: {reasons[0]}")


def _counting(manifest: Manifest, threads: int) -> Counting:
    check_counts(manifest.runtime)
    made: Counting = importlib.import_module(COUNTING[manifest.runtime]).counting(manifest, threads)
    return made


def _tensor(given: Given) -> Tensor:
    return Tensor(given.name, given.datatype, given.shape, given.data)


def _made_up(spec: TensorSpec, size: int, batched: bool) -> Tensor:
    shape = tuple(size if said == FREE else said for said in spec.shape)
    if batched:
        shape = (1, *shape[1:])
    if spec.datatype == "BYTES":
        return from_array(spec.name, np.full(shape, b"", dtype=object), spec.datatype)
    kind = np.dtype(DATATYPES[spec.datatype])
    if kind.kind == "f":
        return from_array(spec.name, np.random.default_rng(0).random(shape).astype(kind), spec.datatype)
    return from_array(spec.name, np.zeros(shape, kind), spec.datatype)


def with_shares(told: Told, runs: int) -> list[dict[str, object]]:
    """Each operator as it goes over the wire, those that take most first; shares are of all operators' time."""
    whole = sum(each.us for each in told.operators) or 1.0
    ranked: Sequence[Operator] = sorted(told.operators, key=lambda each: -each.us)
    return [
        {
            "name": each.name,
            "type": each.type,
            "shape": each.shape,
            "calls": round(each.calls / runs, 3),
            "mean_us": round(each.us / runs, 3),
            "share": round(each.us / whole, 5),
        }
        for each in ranked
    ]
