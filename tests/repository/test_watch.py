"""Changes of a repository's files are found and told, once they are whole."""

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest

from headrace.repository.repository import LocalRepository
from headrace.repository.watch import Watch

SECOND_NS = 1_000_000_000


class Bench:
    def __init__(self, root: Path, settle_s: float = 1.0) -> None:
        self.told: list[str] = []
        self.came = asyncio.Event()
        self.watch = Watch(LocalRepository(root), self.changed, settle_s=settle_s, poll_s=3600)

    def changed(self, name: str) -> None:
        self.told.append(name)
        self.came.set()

    async def look(self, *times_s: float) -> list[str]:
        for time_s in times_s:
            await self.watch.look(int(time_s * SECOND_NS))
        told, self.told = self.told, []
        return told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "model.onnx").write_bytes(b"x")
    return tmp_path


async def test_what_was_there_at_the_beginning_is_not_told(root: Path) -> None:
    bench = Bench(root)
    await bench.watch.begin()
    assert await bench.look(0, 5) == []


async def test_models_that_come_change_and_go_are_told(root: Path) -> None:
    bench = Bench(root)
    await bench.watch.begin()
    (root / "a" / "2").mkdir()
    (root / "a" / "2" / "model.onnx").write_bytes(b"y")
    shutil.rmtree(root / "b")
    (root / "c.onnx").touch()
    assert await bench.look(0) == []
    assert await bench.look(1) == ["a", "b", "c"]
    assert await bench.look(5) == []


async def test_an_empty_folder_is_told_once_it_was_there_for_a_while(root: Path) -> None:
    bench = Bench(root)
    await bench.watch.begin()
    (root / "a" / "6").mkdir()
    assert await bench.look(0) == []
    assert await bench.look(1) == ["a"]
    assert await bench.look(5) == []


async def test_weights_beside_a_bare_file_belong_to_it(root: Path) -> None:
    (root / "net.xml").touch()
    bench = Bench(root)
    await bench.watch.begin()
    (root / "net.bin").touch()
    assert await bench.look(0, 1) == ["net"]


async def test_a_file_that_grows_is_waited_for(root: Path) -> None:
    bench = Bench(root)
    await bench.watch.begin()
    for time_s in range(3):
        (root / "a" / "1" / "model.onnx").write_bytes(b"x" * (2 + time_s))
        assert await bench.look(time_s) == []
    assert await bench.look(3) == ["a"]


async def test_a_file_that_is_open_for_writing_is_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(root)
    await bench.watch.begin()
    (root / "a" / "1" / "model.onnx").write_bytes(b"half")
    monkeypatch.setattr("headrace.repository.watch.being_written", lambda facts: True)
    assert await bench.look(0, 1, 60) == []
    monkeypatch.undo()
    assert await bench.look(61) == ["a"]


async def test_a_repository_that_cannot_be_read_has_not_changed(root: Path) -> None:
    bench = Bench(root)
    await bench.watch.begin()
    away = shutil.move(root, root.with_name("away"))
    assert await bench.look(0, 5) == []
    shutil.move(away, root)
    assert await bench.look(6, 8) == []


async def test_the_kernel_says_when_to_look(root: Path) -> None:
    bench = Bench(root, settle_s=0.01)
    await bench.watch.begin()
    watching = asyncio.create_task(bench.watch.run())
    while not bench.came.is_set():  # the first notice may fall before the kernel was asked for any
        (root / "a" / "1" / "more").write_bytes(b"x")
        await asyncio.wait([asyncio.create_task(bench.came.wait())], timeout=0.3)
        (root / "a" / "1" / "more").unlink(missing_ok=True)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert set(bench.told) == {"a"}


async def test_a_link_that_leads_elsewhere_is_a_change_which_the_kernel_tells(tmp_path: Path) -> None:
    for release in ("r1", "r2"):
        (tmp_path / release / "models" / "a" / "1").mkdir(parents=True)
        (tmp_path / release / "models" / "a" / "1" / "model.onnx").write_bytes(release.encode())
    link = tmp_path / "current"
    link.symlink_to("r1")
    bench = Bench(link / "models", settle_s=0.01)
    await bench.watch.begin()
    watching = asyncio.create_task(bench.watch.run())
    releases = itertools.cycle(("r2", "r1"))
    while not bench.came.is_set():  # the first notice may fall before the kernel was asked for any
        (tmp_path / "new").symlink_to(next(releases))
        (tmp_path / "new").rename(link)
        await asyncio.wait([asyncio.create_task(bench.came.wait())], timeout=0.3)
    bench.came.clear()
    file = link / "models" / "a" / "1" / "more"
    while not bench.came.is_set():  # what happens where it leads to now is told too
        file.write_bytes(b"x")
        await asyncio.wait([asyncio.create_task(bench.came.wait())], timeout=0.3)
        file.unlink(missing_ok=True)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert set(bench.told) == {"a"}
