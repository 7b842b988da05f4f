"""How many runs of a model go side by side, where nobody says: found when it is first loaded, and kept."""

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from headrace.batching.latency_store import LatencyStore, is_fresh, latency_key, model_digest

Lanes = Literal[1, 2]

LITTLE = 1.25
"""With half of the threads a row may take so many times as long: two lanes then do up to 1.6 times as much."""


def lanes_for(half_takes: float | None) -> Lanes:
    """Two where a second thread is of little use to a run; None: it was not tried."""
    return 2 if half_takes is not None and half_takes <= LITTLE else 1


class LaneCounts:
    """What was found of each model file on this kind of machine; it is kept among the latencies. For any thread."""

    def __init__(self, folder: Path | None, wall_s: Callable[[], float] = time.time) -> None:
        """None: nothing is kept."""
        self._store = None if folder is None else LatencyStore(folder)
        self._wall_s = wall_s

    def read(self, path: Path, ran_as: Iterable[object]) -> Lanes | None:
        """None where it was never found out, or long ago."""
        if self._store is None:
            return None
        with contextlib.suppress(OSError, TypeError, KeyError):
            said = self._store.read_json(_key(path, ran_as), self._wall_s())
            if said is not None and is_fresh(said[1]):
                return 2 if said[0]["lanes"] == 2 else 1
        return None

    def write(self, path: Path, ran_as: Iterable[object], lanes: Lanes) -> None:
        """A folder that cannot be written costs the trial at the next start and nothing else."""
        if self._store is None:
            return
        with contextlib.suppress(OSError):
            self._store.write(_key(path, ran_as), {"lanes": lanes})


def _key(path: Path, ran_as: Iterable[object]) -> str:
    return f"{latency_key([model_digest(path), *ran_as])}-lanes"
