"""What changed on one server, from its start to its end and into the next."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.changes.changes import NOTICES, Changes
from headrace.changes.machine import Watch
from headrace.errors import NotKept, RateLimited
from headrace.records import ModelEvent
from tests.changes.world import EPOCH_NS, Load, World
from tests.fakes import FakeClock


class Still(Watch):
    """A machine that does nothing else."""

    def look(self, when_s: float, pids: Sequence[int]) -> NDArray[np.float32] | None:  # type: ignore[override]
        return None


def changes(folder: Path | None = None, clock: FakeClock | None = None, **settings: str) -> Changes:
    return Changes(clock or FakeClock(), EPOCH_NS, settings, folder, Still())


async def test_other_settings_than_the_last_start_had_are_a_line(tmp_path: Path) -> None:
    for size in ("64", "64", "8"):
        one = changes(tmp_path, size=size)
        await one.start()
        kinds = [line["kind"] for line in one.told(None, 60)]
        await one.close()
    assert kinds == ["config", "start"]
    assert "size 64 -> 8" in one.told(None, 60)[0]["text"]


async def test_a_start_is_compared_with_the_one_before(tmp_path: Path) -> None:
    first = World(1, {"m": Load()})
    first.changes = changes(tmp_path, first.clock, size="64")
    await first.changes.start()
    first.ready("m", 3, cause="wanted at the start")
    first.run(40)
    await first.changes.close()
    second = World(1, {"m": Load(compute_ms=30)})
    second.clock.time_ns = first.clock.time_ns + 5 * 10**9
    second.changes = changes(tmp_path, second.clock, size="1")
    await second.changes.start()
    second.ready("m", 3, cause="wanted at the start")
    second.run(40)
    (finding,) = (await second.changes.why("m", 3600))["findings"]
    await second.changes.close()
    assert (finding["signal"], finding["cause"]["kind"]) == ("latency", "config")
    assert "size 64 -> 1" in finding["cause"]["event"]["text"]


async def test_lines_are_kept_for_the_next_start(tmp_path: Path) -> None:
    one = changes(tmp_path, size="1")
    await one.start()
    one.events([ModelEvent("m", 1, "READY", "", one.now_s(), 0.5, "asked for")])
    await one.post("upstream", "m", "moved", one.now_s(), "ops")
    await one.close()
    another = changes(tmp_path, size="1")
    await another.start()
    assert [line["kind"] for line in another.told("m", 60)] == ["start", "upstream", "load"]
    await another.close()


async def test_a_notice_is_kept_once_it_is_answered(tmp_path: Path) -> None:
    one = changes(tmp_path, size="1")
    await one.start()
    made = await one.post("upstream", "m", "moved", one.now_s(), "ops")
    with closing(sqlite3.connect(tmp_path / "changes.db")) as database:
        kept = [number for (number,) in database.execute("SELECT id FROM entries")]
    assert made["id"] in kept
    await one.close()


async def test_who_posts_a_notice_that_the_disk_does_not_take_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = changes(tmp_path, size="1")

    def full(path: str, **how: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(sqlite3, "connect", full)
        with pytest.raises(NotKept, match=r"notice 1 stands until the server ends, .*: database or disk is full; ask"):
            await one.post("upstream", "m", "moved", one.now_s(), "ops")
    assert [line["text"] for line in one.told("m", 60)] == ["moved"]
    assert (await one.post("upstream", "m", "moved", one.now_s(), "ops"))["id"] == 2
    await one.close()


async def test_where_nothing_is_ever_kept_a_notice_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one = changes(tmp_path / "file" / "below", size="1")
    assert (await one.post("upstream", "m", "moved", one.now_s(), "ops"))["text"] == "moved"
    await one.close()


async def test_notices_are_bounded() -> None:
    clock = FakeClock()
    one = changes(clock=clock)
    for _ in range(NOTICES):
        await one.post("upstream", "", "moved", one.now_s(), "ops")
    with pytest.raises(RateLimited):
        await one.post("upstream", "", "moved", one.now_s(), "ops")
    clock.pass_ms(61_000)
    assert (await one.post("upstream", "", "moved", one.now_s(), "ops"))["kind"] == "upstream"


async def test_moves_of_traffic_become_lines() -> None:
    made = World(2, {"m": Load(rate=20)})
    made.run(40)
    made.models["m"].rate = 90
    made.run(30)
    await made.changes.look_at_traffic()
    (line,) = [line for line in made.changes.told("m", 3600) if line["kind"] == "traffic"]
    assert line["text"].startswith("requests a second went from ")
    assert line["actor"] == "clients"


def test_what_was_seen_is_known() -> None:
    made = World(2, {"m": Load()})
    made.run(3)
    assert made.changes.knows("m")
    assert not made.changes.knows("n")
