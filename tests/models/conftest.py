"""What several tests of models need."""

from pathlib import Path

import pytest

from headrace.settings import Models
from tests.models.reconcile_bench import Bench

MIB = 1 << 20


@pytest.fixture
def tight(tmp_path: Path) -> Bench:
    """Room for one model of 40 MiB, whose loading takes twice as much, and no more than that."""
    bench = Bench(tmp_path, models=Models(control="explicit"), budget=100 * MIB)
    for name in ("m", "n"):
        bench.put(1, name=name)
        bench.machine.sizes[name] = 40 * MIB
    return bench
