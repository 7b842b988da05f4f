"""What an earlier load found of a file, and when it has to be found anew."""

from pathlib import Path

import msgspec
import pytest

from headrace.batching.known_axes import KnownAxes, axis_key, content_of, is_said, may_be_known
from headrace.runtimes.load import Found
from headrace.types import FREE, BatchAxis, Batching, Manifest, PadAxis, Padding, TensorSpec
from tests.models import onnx_models as models

AXIS = BatchAxis(True, 8, 0.25, "the same", pad=PadAxis(1, {"x": 0}, {"y": (1,)}, "mask", 0.5, "padded"))
OUTPUTS = (TensorSpec("y", "FP32", (FREE, 2), labels=("cat", "dog")),)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest("m", 1, models.save(models.identity(), tmp_path), "onnx")


@pytest.fixture
def axes(tmp_path: Path) -> KnownAxes:
    return KnownAxes(tmp_path / "cache")


def key_of(manifest: Manifest, *asked: object) -> str:
    return axis_key(content_of(manifest), manifest, "library 1.0", *asked)


def found(axes: KnownAxes, manifest: Manifest, *asked: object) -> Found | None:
    return axes.of(key_of(manifest, *asked))


def keep(axes: KnownAxes, manifest: Manifest, axis: BatchAxis, *asked: object) -> None:
    axes.keep(key_of(manifest, *asked), Found(axis, OUTPUTS))


def test_what_was_found_is_known_to_the_next_load(axes: KnownAxes, manifest: Manifest) -> None:
    assert found(axes, manifest, 64, 1e-3) is None
    keep(axes, manifest, AXIS, 64, 1e-3)
    assert found(axes, manifest, 64, 1e-3) == Found(AXIS, OUTPUTS)


def test_the_same_file_under_another_name_is_known(axes: KnownAxes, manifest: Manifest) -> None:
    keep(axes, manifest, AXIS)
    assert found(axes, msgspec.structs.replace(manifest, name="other", version=7)) == Found(AXIS, OUTPUTS)


def test_other_bytes_and_other_settings_are_found_anew(axes: KnownAxes, manifest: Manifest) -> None:
    keep(axes, manifest, AXIS, 64)
    assert found(axes, manifest, 32) is None
    assert found(axes, msgspec.structs.replace(manifest, batching=Batching(pad=False)), 64) is None
    models.save(models.identity(dims=("batch", 5)), manifest.path.parent)
    assert found(axes, manifest, 64) is None


@pytest.mark.parametrize(
    ("name", "content", "weights"),
    [
        ("model.onnx", models.external("w.data").SerializeToString(), "w.data"),
        ("model.xml", b"<net/>", "model.bin"),
        ("model.pdmodel", b"graph", "model.pdiparams"),
    ],
)
def test_weights_that_lie_beside_count(
    name: str, content: bytes, weights: str, axes: KnownAxes, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / weights).write_bytes(b"weights")
    manifest = msgspec.structs.replace(manifest, path=tmp_path / name)
    keep(axes, manifest, AXIS)
    assert found(axes, manifest) == Found(AXIS, OUTPUTS)
    (tmp_path / weights).write_bytes(b"Weights")
    assert found(axes, manifest) is None


def test_nothing_is_kept_where_weights_that_lie_beside_are_not_there(axes: KnownAxes, manifest: Manifest) -> None:
    models.save(models.external("w.data"), manifest.path.parent)
    keep(axes, manifest, AXIS)
    assert found(axes, manifest) is None


def test_what_is_yet_to_be_learned_is_not_kept(axes: KnownAxes, manifest: Manifest) -> None:
    keep(axes, manifest, BatchAxis(False, pending=True))
    assert found(axes, manifest) is None


def test_without_a_folder_nothing_is_kept(manifest: Manifest) -> None:
    axes = KnownAxes(None)
    keep(axes, manifest, AXIS)
    assert found(axes, manifest) is None


def test_what_is_not_an_axis_is_found_anew(axes: KnownAxes, manifest: Manifest, tmp_path: Path) -> None:
    keep(axes, manifest, AXIS)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text('{"axis": {"batched": "yes"}}')
    assert found(axes, manifest) is None
    file.write_text("{")
    assert found(axes, manifest) is None


def test_another_version_of_the_library_finds_it_anew(axes: KnownAxes, manifest: Manifest) -> None:
    keep(axes, manifest, AXIS)
    assert axes.of(axis_key(content_of(manifest), manifest, "library 1.1")) is None


def test_a_file_that_cannot_be_read_is_not_known(axes: KnownAxes, manifest: Manifest) -> None:
    manifest.path.unlink()
    keep(axes, manifest, AXIS)
    assert found(axes, manifest) is None
    assert not may_be_known(manifest)


def test_only_of_libraries_whose_version_is_known_anything_is_kept(manifest: Manifest) -> None:
    assert may_be_known(manifest)
    assert not may_be_known(msgspec.structs.replace(manifest, runtime="fake"))


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        (Batching(), False),
        (Batching(pad=False), False),
        (Batching(enabled=True), True),
        (Batching(enabled=False), True),
        (Batching(enabled=True, pad=Padding(1)), False),  # which is held against what the model answers
    ],
)
def test_nothing_is_to_be_found_where_it_is_said(manifest: Manifest, said: Batching, whole: bool) -> None:
    assert is_said(msgspec.structs.replace(manifest, batching=said)) == whole
