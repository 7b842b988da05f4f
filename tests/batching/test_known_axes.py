"""What an earlier load found of a file, and when it has to be found anew."""

from pathlib import Path

import msgspec
import pytest

from headrace.batching.known_axes import KnownAxes
from headrace.types import BatchAxis, Batching, Manifest, PadAxis

AXIS = BatchAxis(True, 8, 0.25, "the same", pad=PadAxis(1, {"x": 0}, {"y": (1,)}, "mask", 0.5, "padded"))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    return Manifest("m", 1, path, "onnx")


@pytest.fixture
def axes(tmp_path: Path) -> KnownAxes:
    return KnownAxes(tmp_path / "cache")


async def found(axes: KnownAxes, manifest: Manifest, *asked: object) -> BatchAxis | None:
    return await axes.of(await axes.key_of(manifest, *asked))


async def keep(axes: KnownAxes, manifest: Manifest, axis: BatchAxis, *asked: object) -> None:
    await axes.keep(await axes.key_of(manifest, *asked), axis)


async def test_what_was_found_is_known_to_the_next_load(axes: KnownAxes, manifest: Manifest) -> None:
    assert await found(axes, manifest, 64, 1e-3) is None
    await keep(axes, manifest, AXIS, 64, 1e-3)
    assert await found(axes, manifest, 64, 1e-3) == AXIS


async def test_the_same_file_under_another_name_is_known(axes: KnownAxes, manifest: Manifest) -> None:
    await keep(axes, manifest, AXIS)
    assert await found(axes, msgspec.structs.replace(manifest, name="other", version=7)) == AXIS


async def test_other_bytes_and_other_settings_are_found_anew(axes: KnownAxes, manifest: Manifest) -> None:
    await keep(axes, manifest, AXIS, 64)
    assert await found(axes, manifest, 32) is None
    assert await found(axes, msgspec.structs.replace(manifest, batching=Batching(pad=False)), 64) is None
    manifest.path.write_bytes(b"Weights")
    assert await found(axes, manifest, 64) is None


async def test_weights_that_lie_beside_count(axes: KnownAxes, manifest: Manifest) -> None:
    await keep(axes, manifest, AXIS)
    manifest.path.with_suffix(".bin").write_bytes(b"w")
    assert await found(axes, manifest) is None


async def test_what_is_yet_to_be_learned_is_not_kept(axes: KnownAxes, manifest: Manifest) -> None:
    await keep(axes, manifest, BatchAxis(False, pending=True))
    assert await found(axes, manifest) is None


async def test_without_a_folder_nothing_is_kept(manifest: Manifest) -> None:
    axes = KnownAxes(None)
    await keep(axes, manifest, AXIS)
    assert await found(axes, manifest) is None


async def test_what_is_not_an_axis_is_found_anew(axes: KnownAxes, manifest: Manifest, tmp_path: Path) -> None:
    await keep(axes, manifest, AXIS)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text('{"axis": {"batched": "yes"}}')
    assert await found(axes, manifest) is None
    file.write_text("{")
    assert await found(axes, manifest) is None
