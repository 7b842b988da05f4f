"""A whole front end's view of a server, over models that compute in numpy at once: for tests of both protocols.

Models: `add_sub` (INT32 [-1, 16] twice -> sum and difference, batched), `echo` (BYTES), `half` (FP16), `scores`
(FP32 [-1, 3] with labels), `mixed` (every datatype), `refuse` (always QueueFull), `break` (an answer that cannot be
written), `late` (answers when told to), `add_sub_loading` (not ready).
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, from_array, to_array
from headrace.clock import LoopClock
from headrace.errors import Forbidden, HeadraceError, InvalidRequest, ModelNotFound, QueueFull
from headrace.gateway.gateway import Gateway
from headrace.models.registry import Registry, Served
from headrace.protocols.beside import Beside
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.settings import Settings
from headrace.protocols.oip.shared_memory import Regions
from headrace.records import Record
from headrace.servable import Cancel, Reply
from headrace.types import (
    FREE,
    Backlog,
    BatchAxis,
    BatchFacts,
    Manifest,
    ModelRef,
    ModelVersion,
    Request,
    Response,
    Signature,
    Tensor,
    TensorSpec,
    VersionStatus,
)

Arrays = dict[str, NDArray[Any]]
MEMORY = {
    "budget_bytes": 2 << 30,
    "reserved_bytes": 1 << 20,
    "measured_bytes": 1_052_672,
    "free_bytes": 2_146_435_072,
    "models": [],
}
BATCH = BatchFacts(rows=1, requests=1, reason="alone", instance=0, started_ns=0)


class Model(NamedTuple):
    """What a stub model takes and gives, and how it computes."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batched: bool
    compute: Callable[[Arrays], Arrays]


class StubServable:
    """Answers at once, in `submit`, with what a function makes of the arrays."""

    def __init__(self, version: ModelVersion, signature: Signature, compute: Callable[[Arrays], Arrays]) -> None:
        self.signature = signature
        self.requests: list[Request] = []
        self._version = version
        self._compute = compute

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.requests.append(request)
        reply(self.answer(request))
        return lambda: None

    def answer(self, request: Request) -> Response | HeadraceError:
        try:
            arrays = self._compute({tensor.name: to_array(tensor) for tensor in request.inputs})
        except HeadraceError as error:
            return error
        except (KeyError, ValueError) as error:
            return InvalidRequest(f"the stub has no use for these inputs: {error}")
        names = request.outputs or tuple(arrays)
        types = {spec.name: spec.datatype for spec in self.signature.outputs}
        if not arrays.keys() & types.keys() >= set(names):
            return InvalidRequest(f"the stub has only the outputs {', '.join(types)}")
        try:
            outputs = tuple(from_array(name, arrays[name], types[name]) for name in names)
        except ValueError as error:
            return InvalidRequest(f"the stub has no use for these inputs: {error}")
        return Response(self._version, outputs, BATCH)

    def backlog(self) -> Backlog:
        return Backlog(0, 0)

    async def drain(self) -> None:
        return None

    async def close(self) -> None:
        return None


class LateServable(StubServable):
    """Keeps requests until it is told to answer them; counts those that were cancelled."""

    def __init__(self, version: ModelVersion, signature: Signature, compute: Callable[[Arrays], Arrays]) -> None:
        super().__init__(version, signature, compute)
        self.waiting: list[tuple[Request, Reply]] = []
        self.cancelled = 0
        self.arrived = asyncio.Event()  # set by each request; a test clears it

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.waiting.append((request, reply))
        self.arrived.set()
        return partial(self._cancel, request)

    def answer_next(self) -> None:
        request, reply = self.waiting.pop(0)
        reply(self.answer(request))

    def _cancel(self, request: Request) -> None:
        self.cancelled += 1
        self.waiting = [(waiting, reply) for waiting, reply in self.waiting if waiting is not request]
        self.arrived.set()


class BrokenServable(StubServable):
    """Answers with a tensor that no front end can write."""

    def answer(self, request: Request) -> Response | HeadraceError:
        return Response(self._version, (Tensor("OUTPUT", "NOTHING", (1,), b""),), BATCH)


class StubRepository:
    """Loads and unloads nothing, and keeps what it was asked for."""

    def __init__(self, registry: Registry) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.allows_uploads = False
        self._registry = registry

    async def load(
        self, name: str, config: Mapping[str, Any] | None = None, files: Mapping[str, bytes] | None = None
    ) -> None:
        if files:
            self.check_uploads()
        self._require(name)
        self.calls.append(("load", name, config, files) if files else ("load", name, config))

    def check_uploads(self, num_files: int = 1) -> None:
        if not self.allows_uploads:
            raise Forbidden("uploads are off; the setting models.uploads = true allows them", "parameters")

    async def unload(self, name: str, dependents: bool = False, wait: bool = True) -> None:
        self._require(name)
        self.calls.append(("unload", name, dependents) if wait else ("unload", name, dependents, "at once"))

    async def roll_back(self, name: str) -> int:
        self._require(name)
        self.calls.append(("roll_back", name))
        return 1

    async def label(self, name: str, label: str, version: int | None) -> None:
        self._require(name)
        self.calls.append(("label", name, label, version))

    async def pin(self, name: str, pinned: bool) -> None:
        self._require(name)
        self.calls.append(("pin", name, pinned))

    async def know(self, ref: ModelRef) -> Served:
        return self._registry.get(ref)

    def index(self) -> tuple[VersionStatus, ...]:
        ready = [
            VersionStatus(name, version, "READY")
            for name in self._registry.names()
            for version in self._registry.versions(name)
        ]
        broken = VersionStatus("broken", None, "UNAVAILABLE", "the folder holds no model file")
        return (*ready, *_loading("add_sub_loading"), broken)

    def _require(self, name: str) -> None:
        if name not in self._registry.names():
            raise ModelNotFound(f"model {name!r} is not in the repository")


async def _page(accept: str) -> tuple[str, bytes]:
    return "text/plain; version=0.0.4; charset=utf-8", b"# TYPE up gauge\nup 1\n"


class Stub:
    """The view, and what stands behind it."""

    def __init__(
        self,
        shared_memory: bool = True,
        folder: Path = Path("/dev/shm"),
        clock: LoopClock | None = None,
        **limits: Any,
    ) -> None:
        self.records: list[Record] = []
        self.registry = Registry(_loading)
        self.repository = StubRepository(self.registry)
        self.servables: dict[str, StubServable] = {}
        self.is_ready = True
        clock = clock or LoopClock(asyncio.get_running_loop())
        self.gateway = Gateway(self.registry, self.records.append, clock)
        for name, model in MODELS.items():
            for version in (1, 2) if name == "add_sub" else (1,):
                self._publish(ModelVersion(name, version), model)
        self.front = Front(
            gateway=self.gateway,
            registry=self.registry,
            repository=self.repository,
            clock=clock,
            beside=Beside(self.gateway.expect),
            regions=Regions(shared_memory, folder),
            settings=Settings(),
            statistics=self._statistics,
            metrics=_page,
            model_config=lambda served: {"name": served.version.name, "max_batch_size": 8},
            server_name="headrace",
            server_version="0.0.0",
            ready=lambda: self.is_ready,
            **{"memory": lambda: MEMORY, "ids": lambda: "r-0", **limits},
        )

    @property
    def late(self) -> LateServable:
        servable = self.servables["late"]
        assert isinstance(servable, LateServable)
        return servable

    def _publish(self, version: ModelVersion, model: Model) -> None:
        batch = BatchAxis(model.batched, 8 if model.batched else 1)
        signature = Signature(model.inputs, model.outputs, batch, "stub", "stub 1")
        kind = {"late": LateServable, "break": BrokenServable}.get(version.name, StubServable)
        servable = kind(version, signature, model.compute)
        self.servables[version.name] = servable
        self.registry.publish(Served(version, Manifest(version.name, version.version, Path(), "stub"), servable))

    def _statistics(self, name: str | None, version: int | None) -> list[dict[str, Any]]:
        names = [name] if name else self.registry.names()
        return [
            {"name": model, "version": str(number), "last_inference": 0, "inference_count": 0, "execution_count": 0}
            for model in names
            for number in self.registry.versions(model)
            if version in (None, number)
        ]


def _loading(name: str) -> tuple[VersionStatus, ...]:
    return (VersionStatus(name, 1, "LOADING"),) if name == "add_sub_loading" else ()


def _add_sub(arrays: Arrays) -> Arrays:
    first, second = arrays["INPUT0"], arrays["INPUT1"]
    return {"OUTPUT0": first + second, "OUTPUT1": first - second}


def _echo(arrays: Arrays) -> Arrays:
    return {"OUTPUT" + name.removeprefix("INPUT"): array for name, array in arrays.items()}


def _refuse(arrays: Arrays) -> Arrays:
    raise QueueFull("1024 requests are waiting already", retry_after_s=0.2)


def _same(
    datatype: str,
    *shape: int,
    batched: bool = False,
    labels: tuple[str, ...] = (),
    compute: Callable[[Arrays], Arrays] = _echo,
) -> Model:
    output = TensorSpec("OUTPUT", datatype, shape, labels=labels)
    return Model((TensorSpec("INPUT", datatype, shape),), (output,), batched, compute)


MODELS = {
    "add_sub": Model(
        tuple(TensorSpec(f"INPUT{i}", "INT32", (FREE, 16)) for i in (0, 1)),
        tuple(TensorSpec(f"OUTPUT{i}", "INT32", (FREE, 16)) for i in (0, 1)),
        True,
        _add_sub,
    ),
    "echo": _same("BYTES", FREE),
    "half": _same("FP16", FREE),
    "scores": _same("FP32", FREE, 3, batched=True, labels=("cat", "dog", "cow")),
    "mixed": Model(
        tuple(TensorSpec(f"INPUT_{datatype}", datatype, (FREE,), optional=True) for datatype in DATATYPES),
        tuple(TensorSpec(f"OUTPUT_{datatype}", datatype, (FREE,)) for datatype in DATATYPES),
        False,
        _echo,
    ),
    "refuse": _same("FP32", FREE, compute=_refuse),
    "break": _same("FP32", FREE),
    "late": _same("FP32", FREE),
}


def numbers(rows: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Two inputs for `add_sub`."""
    first = np.arange(rows * 16, dtype=np.int32).reshape(rows, 16)
    return first, np.full_like(first, 3)
