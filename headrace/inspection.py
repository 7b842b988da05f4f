"""What a folder of models holds, found by loading it as the server would, without serving."""

import asyncio
from pathlib import Path

import msgspec

from headrace.build import Build
from headrace.clock import LoopClock
from headrace.memory.ledger import Ledger
from headrace.memory.profiles import Profiles
from headrace.models.lifecycle import States
from headrace.models.reconcile import Reconcile
from headrace.models.registry import Registry, Served
from headrace.models.residence import Keeping
from headrace.models.rooms import Rooms
from headrace.records import discard
from headrace.repository.repository import LocalRepository
from headrace.settings import Config
from headrace.types import Manifest, VersionStatus


def inspect(config: Config, repository: Path) -> tuple[tuple[VersionStatus, ...], tuple[Served, ...]]:
    """The state of every version, and what is known of those that could be loaded."""
    return asyncio.run(_inspect(config, repository))


async def _inspect(config: Config, repository: Path) -> tuple[tuple[VersionStatus, ...], tuple[Served, ...]]:
    local, clock = LocalRepository(repository), LoopClock(asyncio.get_running_loop())
    states = States(discard, clock)
    registry = Registry(states.of)
    build = Build(config, discard, clock, local, is_tried=_has_objective)
    every = msgspec.structs.replace(config.models, control="both", load="", lazy=False)
    keeping = Keeping(Rooms(Ledger(None), Profiles(), clock), clock)
    reconcile = Reconcile(local, registry, states, build, every, keeping=keeping)
    await reconcile.start()
    await reconcile.still()  # what joins a model later is told too
    index, served = states.all(), tuple(registry.all())
    await reconcile.close()
    return index, served


def _has_objective(manifest: Manifest) -> bool:
    """Whether it is to be told that an objective is out of reach; what others take nobody is going to ask."""
    return manifest.objective.p99_ms is not None
