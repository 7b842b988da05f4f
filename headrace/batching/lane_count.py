"""How many runs of a model go side by side, where nobody says: found when it is first loaded, and kept."""

import contextlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from headrace.batching.latency_store import FRESH_S, latency_key, model_digest

Lanes = Literal[1, 2]

LITTLE = 1.25
"""With half of the threads a row may take so many times as long: two lanes then do up to 1.6 times as much."""


def lanes_for(half_takes: float | None) -> Lanes:
    """Two where a second thread is of little use to a run; None: it was not tried."""
    return 2 if half_takes is not None and half_takes <= LITTLE else 1


class LaneCounts:
    """What was found of each model file on this kind of machine; None: nothing is kept. For any thread."""

    def __init__(self, folder: Path | None, wall_s: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._wall_s = wall_s

    def read(self, path: Path, ran_as: Iterable[object]) -> Lanes | None:
        """None where it was never found out, or long ago."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if (file := self._file(path, ran_as)) and 0 <= self._wall_s() - file.stat().st_mtime <= FRESH_S:
                return 2 if json.loads(file.read_bytes()[:4096])["lanes"] == 2 else 1
        return None

    def write(self, path: Path, ran_as: Iterable[object], lanes: Lanes) -> None:
        """A folder that cannot be written costs the trial at the next start and nothing else."""
        with contextlib.suppress(OSError):
            if file := self._file(path, ran_as):
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                beside = file.with_suffix(".new")
                beside.write_text(json.dumps({"lanes": lanes}))
                beside.replace(file)

    def _file(self, path: Path, ran_as: Iterable[object]) -> Path | None:
        """Among the latencies, with which it makes room for newer ones."""
        if self._folder is None:
            return None
        return self._folder / f"latency-{latency_key([model_digest(path), *ran_as])}-lanes.json"
