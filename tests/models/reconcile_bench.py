"""A repository of files, and models that tell what is done to them, for tests of the reconcile loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from headrace.errors import ModelInvalid
from headrace.memory.ledger import Ledger
from headrace.memory.processes import Taken
from headrace.memory.profiles import Profiles
from headrace.models.lifecycle import States
from headrace.models.reconcile import Reconcile
from headrace.models.registry import Registry
from headrace.models.residence import Keeping
from headrace.models.rooms import Rooms
from headrace.models.state import State
from headrace.records import ModelEvent, Record
from headrace.repository.repository import LocalRepository
from headrace.servable import Cancel, Reply, Servable
from headrace.settings import Models
from headrace.types import Backlog, Manifest, ModelRef, ModelVersion, Request, Signature
from tests.fakes import FakeClock, Got, request, signature


class Answering:
    """A Servable that tells what is done to it."""

    signature: Signature = signature()

    def __init__(self, manifest: Manifest, told: list[str]) -> None:
        self.name = str(manifest.id)
        self.told = told
        self.running = 0
        self.closed: Callable[[], None] = lambda: None

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.told.append(f"{self.name} is asked")
        return lambda: None

    def backlog(self) -> Backlog:
        return Backlog(0, self.running)

    async def drain(self) -> None:
        self.told.append(f"drain {self.name}")

    async def close(self) -> None:
        self.told.append(f"close {self.name}")
        self.closed()


class Machine:
    """Processes that take what the test says."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}  # by model, of each of its processes
        self.took: dict[int, Taken] = {}
        self.looked: Callable[[], object] = lambda: None  # called when somebody looks at what they take
        self._pids: dict[ModelVersion, list[int]] = {}
        self._last = 1_000_000

    def start(self, version: ModelVersion) -> int:
        size = self.sizes.get(version.name, 0)
        self._last += 1
        self.took[self._last] = Taken(size, 0, 2 * size, size)
        self._pids.setdefault(version, []).append(self._last)
        return self._last

    def end(self, pid: int) -> None:
        self.took.pop(pid, None)

    def alive(self) -> Mapping[ModelVersion, Sequence[int]]:
        return {version: [pid for pid in pids if pid in self.took] for version, pids in self._pids.items()}

    def measure(self, pids: Sequence[int]) -> Mapping[int, Taken]:
        self.looked()
        return {pid: self.took[pid] for pid in pids if pid in self.took}


class Bench:
    def __init__(
        self,
        root: Path,
        uploads: bool = False,
        models: Models | None = None,
        state: State | None = None,
        budget: int | None = None,
        drain_first: bool = False,
    ) -> None:
        self.rates: dict[str, float] = {}
        self.told: list[str] = []
        self.broken: set[str] = set()
        self.built: list[Manifest] = []
        self.hurried: list[bool] = []  # whether somebody waited for that
        self.root = root
        self.events: list[ModelEvent] = []
        self.makes = Answering
        self.while_building: Callable[[], object] = lambda: None
        self.clock = FakeClock()
        states = States(self.record, self.clock)
        self.registry = Registry(states.of)
        models = models or Models(uploads=uploads)
        self.machine = Machine()
        self.profiles = Profiles()
        self.rooms = Rooms(
            Ledger(budget), self.profiles, self.clock, pids=self.machine.alive, measure=self.machine.measure
        )
        self.patient: list[int] = []  # processes that gave way
        self.weights: dict[str, int] = {}  # bytes in memory, by model, as a header says
        self.keeping = Keeping(
            self.rooms,
            self.clock,
            drain_first,
            rate=self.rate,
            weights_bytes=lambda manifest, facts: self.weights.pop(manifest.name),
            gives_way=self.gives_way,
        )
        self.reconcile = Reconcile(
            LocalRepository(root), self.registry, states, self.build, models, state=state, keeping=self.keeping
        )

    def rate(self, version: ModelVersion) -> float:
        return self.rates.get(version.name, 0.0)

    def gives_way(self, pid: int) -> AbstractContextManager[None]:
        self.patient.append(pid)
        return nullcontext()

    def record(self, record: Record) -> None:
        assert isinstance(record, ModelEvent)
        self.events.append(record)

    async def build(self, manifest: Manifest, *, urgent: bool) -> Servable:
        await asyncio.sleep(0)
        self.built.append(manifest)
        self.hurried.append(urgent)
        self.told.append(f"build {manifest.id}")
        if str(manifest.id) in self.broken:
            raise ModelInvalid("unknown operator Foo")
        self.while_building()
        self.clock.pass_ms(1)
        made = self.makes(manifest, self.told)
        if manifest.name in self.machine.sizes:
            pid = self.machine.start(manifest.id)
            made.closed = lambda: self.machine.end(pid)
        return made

    async def refresh(self, name: str = "m") -> None:
        self.reconcile.refresh(name)
        await self.reconcile.still()

    def put(self, *versions: int, name: str = "m", policy: str = '"latest:1"') -> None:
        for version in versions:
            (self.root / name / str(version)).mkdir(parents=True)
            (self.root / name / str(version) / "model.onnx").write_bytes(b"x")
        (self.root / name / "model.toml").write_text(f"version_policy = {policy}\n")

    def served(self, name: str) -> Answering:
        servable = self.registry.get(ModelRef(name)).servable
        assert isinstance(servable, Answering)
        return servable

    def ask(self, name: str = "m") -> Got:
        """Ask the model for something, as the gateway does."""
        got = Got()
        asked = msgspec.structs.replace(request([[1.0]]), model=ModelRef(name))
        self.registry.get(asked.model).servable.submit(asked, got)
        return got

    def reasons(self) -> dict[str, str]:
        return {status.name: status.reason for status in self.reconcile.index()}

    def states(self) -> list[tuple[str, int | None, str]]:
        return [(status.name, status.version, status.state) for status in self.reconcile.index()]


class Soon(Answering):
    """One that runs what it is asked after what is ready now has been handled, as batches are."""

    def submit(self, request: Request, reply: Reply) -> Cancel:
        asyncio.get_running_loop().call_soon(self.told.append, f"{self.name} runs")
        return super().submit(request, reply)


class Slow(Answering):
    """One that has something to finish."""

    def __init__(self, manifest: Manifest, told: list[str]) -> None:
        super().__init__(manifest, told)
        self.finished = asyncio.Event()

    async def drain(self) -> None:
        await self.finished.wait()
