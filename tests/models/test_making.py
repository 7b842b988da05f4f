"""Versions are made from files that stay as they are, and true to what clients know."""

from pathlib import Path

import msgspec
import pytest

from headrace.errors import ModelInvalid
from headrace.models.making import Making
from headrace.models.registry import Served
from headrace.repository.repository import LocalRepository
from headrace.servable import Servable
from headrace.types import Backlog, Manifest
from tests.fakes import signature
from tests.models.reconcile_bench import Answering


class Finishing(Answering):
    """Has two requests, of which one is answered between any two looks."""

    def __init__(self, manifest: Manifest, told: list[str]) -> None:
        super().__init__(manifest, told)
        self.running = 3

    def backlog(self) -> Backlog:
        self.running -= 1
        return super().backlog()


class Bench:
    def __init__(self, root: Path, allow: bool = False) -> None:
        self.file = root / "m" / "1" / "model.onnx"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(b"x")
        self.repository = LocalRepository(root)
        self.told: list[str] = []
        self.touch = False
        self.makes = signature()
        self.making = Making(self.repository, self.build, allow_signature_change=allow)

    async def build(self, manifest: Manifest, *, urgent: bool) -> Servable:
        if self.touch:
            self.file.write_bytes(self.file.read_bytes() + b"x")
        made = Answering(manifest, self.told)
        made.signature = self.makes
        return made

    def manifest(self) -> Manifest:
        (manifest,) = self.repository.find("m").manifests
        return manifest

    def served(self) -> Served:
        return Served(self.manifest().id, self.manifest(), Answering(self.manifest(), []))


async def test_what_a_version_was_made_from_is_remembered_until_it_is_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.making.make(bench.manifest(), None)
    found = bench.making.sources(bench.repository.find("m"))
    assert bench.making.tried("m", [1, 2]) == found
    bench.making.forget("m", 1)
    assert bench.making.tried("m", [1]) == {}


async def test_what_could_not_be_had_is_broken_until_it_is_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.making.failed(bench.manifest().id)
    assert bench.making.broken("m") == {1}
    assert bench.making.broken("n") == set()
    await bench.making.note(bench.manifest())
    assert bench.making.broken("m") == set()


async def test_files_that_change_meanwhile_are_not_served_and_are_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.touch = True
    with pytest.raises(ModelInvalid, match="changed while it was loaded"):
        await bench.making.make(bench.manifest(), None)
    assert bench.told == ["close m/1"]
    assert bench.making.tried("m", [1]) == {}


async def test_a_signature_that_clients_cannot_go_on_with_is_refused_and_each_difference_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.makes = signature(datatype="FP64")
    with pytest.raises(ModelInvalid, match=r"version 1, which is served.*input 'x' is FP64.*allow_signature_change"):
        await bench.making.make(bench.manifest(), bench.served())
    assert bench.told == ["close m/1"]


@pytest.mark.parametrize(
    ("setting", "said", "allowed"), [(True, None, True), (False, True, True), (True, False, False)]
)
async def test_a_change_of_signature_may_be_allowed(
    tmp_path: Path, setting: bool, said: bool | None, allowed: bool
) -> None:
    bench = Bench(tmp_path, allow=setting)
    bench.makes = signature(datatype="FP64")
    manifest = msgspec.structs.replace(bench.manifest(), allow_signature_change=said)
    if allowed:
        await bench.making.make(manifest, bench.served())
    else:
        with pytest.raises(ModelInvalid):
            await bench.making.make(manifest, bench.served())


async def test_a_version_takes_another_s_place_while_that_rests(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    finishing = Finishing(bench.manifest(), bench.told)
    await bench.making.make(bench.manifest(), None, None, Served(bench.manifest().id, bench.manifest(), finishing))
    assert finishing.running == 0
