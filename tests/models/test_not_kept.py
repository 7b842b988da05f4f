"""What takes effect and cannot be kept for the next start is told to who asked for it."""

import errno
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from headrace.errors import NotKept
from headrace.models.moves import Moves
from headrace.models.reconcile import Reconcile
from headrace.models.state import State
from headrace.models.wishes import Wishes
from headrace.traffic.plans import Split
from headrace.types import ModelRef
from tests.models.reconcile_bench import Bench


class Disk:
    """Full, until there is room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = True
        self._connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", self.connect)

    def connect(self, path: Path) -> sqlite3.Connection:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._connect(path)


async def started(tmp_path: Path) -> Bench:
    """Version 2 came after version 1 and answers; both are there."""
    bench = Bench(tmp_path / "models", state=State(tmp_path / "state"))
    bench.put(1, policy='"all"')
    await bench.reconcile.start()
    bench.put(2, policy='"all"')
    await bench.refresh()
    return bench


ASKED: dict[str, tuple[Callable[[Reconcile], Awaitable[object]], Callable[[Bench], bool]]] = {
    "an unload": (lambda reconcile: reconcile.unload("m"), lambda bench: bench.registry.versions("m") == []),
    "a label": (
        lambda reconcile: reconcile.label("m", "canary", 1),
        lambda bench: bench.registry.labels("m") == {"canary": 1},
    ),
    "a split": (
        lambda reconcile: Moves(reconcile).split("m", Split({1: 0.5, 2: 0.5})),
        lambda bench: bench.registry.shares("m") == {1: 0.5, 2: 0.5},
    ),
    "a rollback": (
        lambda reconcile: reconcile.roll_back("m"),
        lambda bench: bench.registry.get(ModelRef("m")).version.version == 1,
    ),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_who_asks_is_told_that_it_is_so_until_the_server_ends(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await started(tmp_path)
    ask, is_done = ASKED[asked]
    Disk(monkeypatch)
    with pytest.raises(NotKept, match="until the server ends, and not after that: No space left on device"):
        await ask(bench.reconcile)
    assert is_done(bench)
    await bench.reconcile.close()


async def test_what_is_asked_again_is_kept_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await started(tmp_path)
    disk = Disk(monkeypatch)
    with pytest.raises(NotKept):
        await bench.reconcile.pin("m", True)
    disk.is_full = False
    await bench.reconcile.pin("m", True)
    await bench.reconcile.close()
    assert State(tmp_path / "state").read() == {"m": Wishes(pinned=True)}


async def test_a_load_that_changes_nothing_of_what_is_kept_needs_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await started(tmp_path)
    Disk(monkeypatch)
    await bench.reconcile.load("m")
    assert bench.registry.get(ModelRef("m")).version.version == 2
    await bench.reconcile.close()
