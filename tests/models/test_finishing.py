"""What a version loaded anew still has to finish is counted."""

from pathlib import Path

import pytest

from headrace.models.finishing import Finishing
from headrace.models.registry import Registry, Served
from headrace.types import Backlog, Manifest, ModelVersion
from tests.models.reconcile_bench import Answering, Bench, Slow

VERSION = ModelVersion("m", 1)


def _served(running: int, version: ModelVersion = VERSION) -> Served:
    manifest = Manifest(version.name, version.version, Path(), "fake")
    answering = Answering(manifest, [])
    answering.running = running
    return Served(version, manifest, answering)


def test_what_one_still_has_counts_beside_what_the_next_has() -> None:
    registry = Registry(lambda name: ())
    finishing = Finishing(registry)
    registry.publish(_served(2))
    with finishing.counted(_served(3)):
        assert finishing.backlogs() == [(VERSION, Backlog(0, 5))]
    assert finishing.backlogs() == [(VERSION, Backlog(0, 2))]


def test_what_is_served_no_more_is_not_counted() -> None:
    finishing = Finishing(Registry(lambda name: ()))
    with finishing.counted(_served(3)):
        assert finishing.backlogs() == []


async def test_a_version_that_is_loaded_anew_counts_until_the_one_before_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    bench.put(1)
    bench.makes = Slow
    await bench.reconcile.start()
    before = bench.served("m")
    assert isinstance(before, Slow)
    before.running = 4
    await bench.reconcile.load("m")
    assert bench.reconcile.residence.finishing.backlogs() == [(VERSION, Backlog(0, 4))]
    before.finished.set()
    await bench.reconcile.still()
    assert bench.reconcile.residence.finishing.backlogs() == [(VERSION, Backlog(0, 0))]
