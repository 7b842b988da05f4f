"""How many runs of a model go side by side, where nobody says: found when it is first loaded, and kept."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from headrace.batching.latency_store import LatencyStore, is_fresh, latency_key, model_digest, model_kind
from headrace.settings import Batching, Workers
from headrace.types import Manifest

log = logging.getLogger(__name__)

Lanes = Literal[1, 2]

LITTLE = 1.25
"""With half of the threads a row may take so many times as long: two lanes then do up to 1.6 times as much."""

SOME = 1.6
"""The same where there is time: two lanes do somewhat more, and who else wants a core holds up one run and not all."""

ROOMY_MS = 50.0
"""An objective with time: the longest row that is tried takes a tenth of it."""


def lanes_for(half_takes: float, objective_ms: float | None = None) -> Lanes:
    """Two where a second thread is of little use to a run, or where the objective leaves time to do without it."""
    return 2 if half_takes <= (LITTLE if objective_ms is None or objective_ms < ROOMY_MS else SOME) else 1


def lanes_asked(manifest: Manifest, batching: Batching, workers: Workers, cores: int) -> Literal["auto", 1, 2]:
    """As many as are asked for; to be found out where nothing is said of instances or threads either."""
    lanes = manifest.batching.lanes or batching.lanes
    if manifest.instances:
        return 1
    if lanes == "auto" and (manifest.threads or workers.instances > 1 or workers.threads or cores < 2):
        return 1
    return lanes


def instances_asked(manifest: Manifest, batching: Batching, workers: Workers, cores: int) -> int:
    """Copies of a model that run side by side: as many as are asked for, or one for each lane."""
    if lanes_asked(manifest, batching, workers, cores) == 2:
        return 2
    return manifest.instances or (1 if manifest.batching.lanes == 1 else workers.instances)


class LaneCounts:
    """What was found of each model file on this kind of machine; it is kept among the latencies.

    A version that differs from the one before it by its weights alone is taken for the same: while that is asked for
    something, a trial would tell little.
    """

    def __init__(self, folder: Path | None, wall_s: Callable[[], float] = time.time) -> None:
        """None: nothing is kept."""
        self._store = None if folder is None else LatencyStore(folder)
        self._wall_s = wall_s
        self._last: dict[str, tuple[str, float]] = {}  # by model: of which kind its last version was, what half takes

    async def laid_out(self, manifest: Manifest, ran_as: Sequence[object]) -> Manifest:
        """With the lanes that an earlier load has found, of this version or of one like it, where there are any."""
        half_takes = await asyncio.to_thread(self.read, manifest.path, ran_as)
        kind, last = self._last.get(manifest.name, ("", None))
        if half_takes is None and kind == _kind(manifest, ran_as):
            half_takes = last
        return manifest if half_takes is None else self._with(manifest, ran_as, half_takes)

    async def found(self, manifest: Manifest, ran_as: Sequence[object], half_takes: float) -> Manifest:
        """With as many lanes as its loading has shown to do most; kept for the next start."""
        laid_out = self._with(manifest, ran_as, half_takes)
        how = f"a row takes {half_takes:.2f} times as long with half of the threads"
        log.info("%s: %s: %s", manifest.id, how, "two lanes" if laid_out.batching.lanes == 2 else "one lane")
        await asyncio.to_thread(self.write, manifest.path, ran_as, half_takes)
        return laid_out

    def read(self, path: Path, ran_as: Sequence[object]) -> float | None:
        """How much longer half of the threads take, as a factor; None where it was never found out, or long ago."""
        if self._store is None:
            return None
        with contextlib.suppress(OSError, TypeError, KeyError, ValueError):
            said = self._store.read_json(_key(path, ran_as), self._wall_s())
            if said is not None and is_fresh(said[1]):
                return float(said[0]["half_takes"])
        return None

    def write(self, path: Path, ran_as: Sequence[object], half_takes: float) -> None:
        """A folder that cannot be written costs the trial at the next start and nothing else."""
        if self._store is None:
            return
        with contextlib.suppress(OSError):
            self._store.write(_key(path, ran_as), {"half_takes": round(half_takes, 3)})

    def _with(self, manifest: Manifest, ran_as: Sequence[object], half_takes: float) -> Manifest:
        self._last[manifest.name] = _kind(manifest, ran_as), half_takes
        return with_lanes(manifest, lanes_for(half_takes, manifest.objective.p99_ms))


def with_lanes(manifest: Manifest, lanes: Literal["auto", 1, 2]) -> Manifest:
    """As if it said so itself."""
    return msgspec.structs.replace(manifest, batching=msgspec.structs.replace(manifest.batching, lanes=lanes))


def _key(path: Path, ran_as: Sequence[object]) -> str:
    return f"{latency_key([model_digest(path), *ran_as])}-lanes"


def _kind(manifest: Manifest, ran_as: Sequence[object]) -> str:
    return latency_key([model_kind(manifest.path), *ran_as])
