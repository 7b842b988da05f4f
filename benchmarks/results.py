"""Figures kept as JSON, with the machine that gave them; shown as they are kept."""

import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and largest: what may be quoted of noisy figures."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "runs": len(values),
    }


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Write results/NAME.json and print it."""
    text = json.dumps({"machine": machine(), **figures}, indent=2)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(text + "\n")
    print(text)


def machine() -> dict[str, object]:
    """What the figures depend on."""
    info = Path("/proc/cpuinfo").read_text()
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "").split()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "amx": "amx_tile" in flags,
        "avx512_vnni": "avx512_vnni" in flags,
    }
