"""A repository of files, and models that tell what is done to them, for tests of the reconcile loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from headrace.errors import ModelInvalid
from headrace.models.lifecycle import States
from headrace.models.reconcile import Reconcile
from headrace.models.registry import Registry
from headrace.models.repository import LocalRepository
from headrace.models.state import State
from headrace.records import ModelEvent, Record
from headrace.servable import Cancel, Reply, Servable
from headrace.settings import Models
from headrace.types import Backlog, Manifest, Request, Signature
from tests.fakes import signature


class Answering:
    """A Servable that tells what is done to it."""

    signature: Signature = signature()

    def __init__(self, manifest: Manifest, told: list[str]) -> None:
        self.name = str(manifest.id)
        self.told = told

    def submit(self, request: Request, reply: Reply) -> Cancel:
        return lambda: None

    def backlog(self) -> Backlog:
        return Backlog(0, 0)

    async def drain(self) -> None:
        self.told.append(f"drain {self.name}")

    async def close(self) -> None:
        self.told.append(f"close {self.name}")


class Bench:
    def __init__(
        self, root: Path, uploads: bool = False, models: Models | None = None, state: State | None = None
    ) -> None:
        self.told: list[str] = []
        self.broken: set[str] = set()
        self.built: list[Manifest] = []
        self.root = root
        self.events: list[ModelEvent] = []
        self.makes = Answering
        self.while_building: Callable[[], object] = lambda: None
        states = States(self.record)
        self.registry = Registry(states.of)
        models = models or Models(uploads=uploads)
        self.reconcile = Reconcile(LocalRepository(root), self.registry, states, self.build, models, state=state)

    def record(self, record: Record) -> None:
        assert isinstance(record, ModelEvent)
        self.events.append(record)

    async def build(self, manifest: Manifest) -> Servable:
        await asyncio.sleep(0)
        self.built.append(manifest)
        self.told.append(f"build {manifest.id}")
        if str(manifest.id) in self.broken:
            raise ModelInvalid("unknown operator Foo")
        self.while_building()
        return self.makes(manifest, self.told)

    async def refresh(self, name: str = "m") -> None:
        self.reconcile.refresh(name)
        await self.reconcile.still()

    def put(self, *versions: int, name: str = "m", policy: str = '"latest:1"') -> None:
        for version in versions:
            (self.root / name / str(version)).mkdir(parents=True)
            (self.root / name / str(version) / "model.onnx").write_bytes(b"x")
        (self.root / name / "model.toml").write_text(f"version_policy = {policy}\n")

    def states(self) -> list[tuple[str, int | None, str]]:
        return [(status.name, status.version, status.state) for status in self.reconcile.index()]


class Slow(Answering):
    """One that has something to finish."""

    def __init__(self, manifest: Manifest, told: list[str]) -> None:
        super().__init__(manifest, told)
        self.finished = asyncio.Event()

    async def drain(self) -> None:
        await self.finished.wait()
