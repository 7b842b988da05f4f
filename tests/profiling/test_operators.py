"""Operators are looked into by a process of its own, one question at a time, where there is room."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.errors import Conflict, MemoryFull, ModelInvalid, Unavailable, Unsupported, WorkerLost
from headrace.profiling import operators as module
from headrace.profiling.operators import Operators, Wanted
from headrace.profiling.recent import Recent
from headrace.records import SampleRecord
from headrace.types import FREE, BatchAxis, ModelVersion, Signature, Tensor, TensorSpec
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest

VERSION = ModelVersion("m", 1)


class Rooms:
    """Room for one, and whether it is taken."""

    taken = False

    @contextmanager
    def room(self, version: ModelVersion) -> Iterator[None]:
        self.taken = True
        try:
            yield
        finally:
            self.taken = False


def operators(rooms: Rooms | None = None, recent: Recent | None = None, limit_s: float = 60) -> Operators:
    return Operators((rooms or Rooms()).room, lambda manifest: 1, recent or Recent(), limit_s)


def wanted(folder: Path, runtime: str = "onnx") -> Wanted:
    path = models.save(models.identity("FP32", (None, 4)), folder)
    spec, out = TensorSpec("INPUT", "FP32", (FREE, 4)), TensorSpec("OUTPUT", "FP32", (FREE, 4))
    of = Signature((spec,), (out,), BatchAxis(True, 8), "onnxruntime_onnx", "onnx 1")
    return Wanted(VERSION, manifest(path, runtime), of, 3)


async def test_each_operator_is_told_and_room_is_given_back(tmp_path: Path) -> None:
    rooms = Rooms()
    told = await operators(rooms).profile(wanted(tmp_path))
    assert [(each["type"], each["calls"], each["share"]) for each in told["operators"]] == [("Identity", 1, 1)]
    facts = ("model", "version", "runtime", "threads", "inputs", "runs")
    assert tuple(told[fact] for fact in facts) == ("m", "1", "onnx 1", 1, "made-up", 3)
    assert not rooms.taken


async def test_what_was_asked_lately_is_asked_again(tmp_path: Path) -> None:
    recent = Recent()
    recent([SampleRecord(VERSION, "r", "", (Tensor("INPUT", "FP32", (2, 4), bytes(32)),), (), 0, None)])
    told = await operators(recent=recent).profile(wanted(tmp_path))
    assert (told["inputs"], told["operators"][0]["shape"]) == ("recent", "float 2x4")


async def test_a_second_one_is_a_conflict_and_one_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    rooms = Rooms()
    made = operators(rooms)
    first = asyncio.create_task(made.profile(wanted(tmp_path)))
    await asyncio.sleep(0)
    with pytest.raises(Conflict):
        await made.profile(wanted(tmp_path))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not rooms.taken
    assert (await made.profile(wanted(tmp_path)))["operators"]


async def test_where_there_is_no_room_nothing_is_begun(tmp_path: Path) -> None:
    @contextmanager
    def none(version: ModelVersion) -> Iterator[None]:
        raise MemoryFull("no room")
        yield

    with pytest.raises(MemoryFull):
        await Operators(none, lambda manifest: 1, Recent()).profile(wanted(tmp_path))


async def test_a_model_that_cannot_be_looked_into_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await operators().profile(wanted(tmp_path, "fake"))
    asked = wanted(tmp_path)
    asked.manifest.path.write_text("no model")
    with pytest.raises(ModelInvalid):
        await operators().profile(asked)


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="within 0 s"):
        await operators(limit_s=0).profile(wanted(tmp_path))


async def test_a_process_that_dies_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "encode_asked", lambda asked: b"\xc1")
    with pytest.raises(WorkerLost, match=r"ended with status 1: (?s:.*)Error"):
        await operators().profile(wanted(tmp_path))
