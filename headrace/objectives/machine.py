"""What the machine lacks: room where the server writes, and memory."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def disks(places: Mapping[str, Path]) -> dict[str, float]:
    """Share that is free for us, by what is written there; of a place that is not there yet, that of the folder above.

    May wait for a disk: it is called off the loop. What cannot be asked is left out.
    """
    free = {}
    for name, place in places.items():
        try:
            there = next(path for path in (place, *place.parents) if path.exists())
            usage = shutil.disk_usage(there)
        except (OSError, StopIteration):
            continue
        free[name] = usage.free / usage.total if usage.total else 0.0
    return free


def stalled_ratio(memory: Mapping[str, Any]) -> float | None:
    """Share of the last ten seconds that every program waited for memory, of what `/v2/headrace/memory` tells."""
    pressure = memory.get("pressure")
    full = pressure.get("full") if isinstance(pressure, Mapping) else None
    return full / 100 if isinstance(full, int | float) else None
