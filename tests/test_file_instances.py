"""A file on its instances, in real workers; how they answer is tested with `build.py`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from headrace.clock import LoopClock
from headrace.devices.gives_way import GivesWay, at_once
from headrace.file_instances import SPREAD_BYTES, FileInstances, most_spread, threads_asked
from headrace.records import discard
from headrace.settings import Batching, Workers
from headrace.types import Batching as Choices
from headrace.types import Manifest, Signature
from headrace.work import Works
from headrace.workers import wire
from headrace.workers.birth import Spawning
from headrace.workers.remote import ProcessInstance
from tests.models.onnx_models import identity, save

BATCHING = Batching(sweep_s=0.0)


class Bench:
    def __init__(self, folder: Path, batching: Batching = BATCHING) -> None:
        self.findings = folder / "findings"
        self.manifest = Manifest("m", 1, save(identity(), folder), "onnx")
        clock = LoopClock(asyncio.get_running_loop())
        self.instances = FileInstances(
            batching, Workers(), self.findings, Spawning(), discard, clock, Works(discard, clock)
        )

    async def load(self, gives_way: GivesWay = at_once) -> Signature:
        loaded = await self.instances.load(self.manifest, gives_way)
        for instance in loaded.instances:
            await instance.close()
        return loaded.signature

    def kept(self) -> list[Path]:
        return list(self.findings.glob("latency-*-axis.json"))


async def test_what_a_load_found_of_the_file_is_kept_and_not_found_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    signature = await bench.load()
    (kept,) = bench.kept()
    kept.write_text(kept.read_text().replace('"max_size": 64', '"max_size": 3'))
    found = await bench.load()
    assert (signature.batch.max_size, found.batch.max_size) == (64, 3)


async def test_where_the_model_says_it_nothing_is_found_of_its_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.manifest = msgspec.structs.replace(bench.manifest, batching=Choices(enabled=True))
    assert (await bench.load()).batch.batched
    assert bench.kept() == []


async def test_each_process_gives_way_while_it_loads(tmp_path: Path) -> None:
    bench, loading = Bench(tmp_path), list[int]()
    bench.manifest = msgspec.structs.replace(bench.manifest, instances=2)

    @contextmanager
    def gives_way(pid: int) -> Iterator[None]:
        loading.append(pid)
        yield

    await bench.load(gives_way)
    assert len(set(loading)) == 2


@pytest.mark.parametrize(
    ("own", "server", "threads"),
    [
        ({}, {}, 8),
        ({"instances": 2}, {}, 4),
        ({"instances": 16}, {}, 1),
        ({"instances": 2}, {"threads": 6}, 6),
        ({"instances": 2, "threads": 3}, {"threads": 6}, 3),
    ],
)
def test_an_instance_has_its_share_of_the_cores_unless_it_is_told(
    own: dict[str, Any], server: dict[str, Any], threads: int
) -> None:
    manifest = Manifest("m", 1, Path("model.onnx"), "onnx", **own)
    assert threads_asked(manifest, Batching(), Workers(**server), cores=8) == threads


@pytest.mark.parametrize(
    ("own", "server", "spread_bytes"),
    [(None, "auto", SPREAD_BYTES), (None, "off", 0), ("off", "auto", 0), ("auto", "off", SPREAD_BYTES)],
)
async def test_rows_are_spread_where_neither_the_model_nor_else_the_server_says_no(
    tmp_path: Path, own: Literal["auto", "off"] | None, server: Literal["auto", "off"], spread_bytes: int
) -> None:
    bench = Bench(tmp_path, Batching(sweep_s=0.0, spread=server))
    said = msgspec.structs.replace(bench.manifest, batching=Choices(spread=own))
    assert bench.instances.loading(said).spread_bytes == spread_bytes


def test_a_tight_budget_lets_small_workers_alone_hold_their_model_twice() -> None:
    assert (most_spread(""), most_spread("1GiB")) == (SPREAD_BYTES, 128 << 20)


async def test_a_version_is_held_twice_at_once_where_one_of_its_model_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loaded = await bench.instances.load(bench.manifest, at_once)
    (worker,) = loaded.instances
    assert isinstance(worker, ProcessInstance)
    before = bench.instances.loading(bench.manifest).spreads
    worker.heard(memoryview(wire.encode(wire.Spreads())))
    another, other = (msgspec.structs.replace(bench.manifest, name=name, version=2) for name in ("m", "n"))
    there = [bench.instances.loading(each).spreads for each in (another, other)]
    await worker.close()
    assert [before, *there, bench.instances.loading(another).spreads] == [False, True, False, False]


async def test_whoever_loads_has_its_processes_give_way_again(tmp_path: Path) -> None:
    bench, giving = Bench(tmp_path), list[int]()

    @contextmanager
    def gives_way(pid: int) -> Iterator[None]:
        giving.append(pid)
        yield

    loaded = await bench.instances.load(bench.manifest, at_once)
    (worker,) = loaded.instances
    assert isinstance(worker, ProcessInstance)
    with loaded.giving_way(gives_way):
        assert giving == [worker.pid]
    await worker.close()
