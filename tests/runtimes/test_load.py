"""A manifest becomes a model that is known and warm, or a reason why not."""

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes import load as loading
from headrace.runtimes.in_parts import InParts
from headrace.runtimes.load import MOST_ROWS, Found, Loading, check_readable, load, runtime
from headrace.runtimes.spread_rows import SpreadRows
from headrace.types import FREE, BatchAxis, Batching, Manifest, TensorSpec, WarmUp, WarmUpInput
from tests.models.onnx_models import hog, identity, save

MODEL = """
refuse_on = 0
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""


def asked(folder: Path, *warm_up: WarmUp, axis: BatchAxis | None = None) -> Loading:
    path = folder / "model.fake"
    path.write_text(MODEL)
    return Loading(Manifest("m", 1, path, "fake", folder=folder, warm_up=warm_up), 1, 16, 1e-3, axis)


def test_a_loaded_model_is_known(tmp_path: Path) -> None:
    signature = load(asked(tmp_path)).signature
    assert signature.inputs[0].shape == (FREE, 2)
    assert (signature.batch.batched, signature.batch.max_size) == (True, 16)


def test_a_model_without_outputs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pdmodel"
    path.write_bytes(b"")  # which Paddle's reader takes for a model
    with pytest.raises(ModelInvalid, match="it has no outputs"):
        load(Loading(Manifest("m", 1, path, "openvino"), 1, 16, 1e-3))


def test_a_known_batch_axis_is_not_probed_again(tmp_path: Path) -> None:
    axis = BatchAxis(True, 3, why="known", most_rows=MOST_ROWS)
    assert load(asked(tmp_path, axis=axis)).signature.batch == axis


def test_what_an_earlier_load_found_is_asked_for_by_the_runtimes_version(tmp_path: Path) -> None:
    axis, versions = BatchAxis(True, 3, why="known", most_rows=MOST_ROWS), list[str]()
    outputs = (TensorSpec("y", "FP32", (FREE, 2), labels=("cat", "dog")),)

    def known(library: str) -> Found:
        versions.append(library)
        return Found(axis, outputs)

    found = load(asked(tmp_path), known).signature
    assert (found.batch, found.outputs, versions) == (axis, outputs, [found.runtime])


@pytest.mark.parametrize(
    ("threads", "spread_bytes", "batched", "spreads"),
    [(2, 1 << 40, True, True), (1, 1 << 40, True, False), (2, 0, True, False), (2, 1 << 40, False, False)],
)
def test_rows_that_are_known_to_be_independent_may_be_spread_over_threads(
    tmp_path: Path, threads: int, spread_bytes: int, batched: bool, spreads: bool
) -> None:
    manifest = Manifest("m", 1, save(identity(), tmp_path), "onnx")
    loaded = load(Loading(manifest, threads, 16, 1e-3, BatchAxis(batched, 16), spread_bytes=spread_bytes))
    model = loaded.model.model if isinstance(loaded.model, InParts) else loaded.model
    assert isinstance(model, SpreadRows) == spreads


def test_a_request_may_have_more_rows_than_a_run_unless_the_model_says_how_many(tmp_path: Path) -> None:
    batch = Batching(enabled=True, max_size=3)
    said = msgspec.structs.replace(asked(tmp_path).manifest, batching=batch)
    assert load(asked(tmp_path)).signature.batch.most_rows == MOST_ROWS
    assert load(msgspec.structs.replace(asked(tmp_path), manifest=said)).signature.batch.most_rows == 0


def test_rows_beyond_a_run_are_computed_in_parts(tmp_path: Path) -> None:
    loaded = load(asked(tmp_path, axis=BatchAxis(True, 3)))
    x = np.arange(1, 21, dtype=np.float32).reshape(10, 2)
    (expected,) = load(asked(tmp_path, axis=BatchAxis(True, 10))).model.run({"x": x}, ()).values()
    (found,) = loaded.model.run({"x": x}, ()).values()
    assert np.array_equal(found, expected)


def test_what_a_first_request_has_shown_holds_for_more_rows_than_a_run_has(tmp_path: Path) -> None:
    asked_for = msgspec.structs.replace(asked(tmp_path, axis=BatchAxis(False, pending=True)), max_size=3)
    pending = load(asked_for)
    x = np.arange(1, 21, dtype=np.float32).reshape(10, 2)
    whole = pending.model.run({"x": x}, ())
    learned = pending.learn({"x": x[:2]})
    assert (learned.signature.batch.max_size, learned.signature.batch.most_rows) == (3, MOST_ROWS)
    assert isinstance(learned.model, InParts)
    assert np.array_equal(learned.model.run({"x": x}, ())["y"], whole["y"])


def test_a_first_request_shows_what_the_file_does_not_say_of_outputs(tmp_path: Path) -> None:
    manifest = Manifest("m", 1, save(hog(), tmp_path), "onnx")
    pending = load(Loading(manifest, 1, 16, 1e-3, BatchAxis(False, pending=True)))
    assert pending.signature.outputs[0].shape == ()
    example = {"SHAPE": np.array([2, 3])}
    pending.model.run(example, ())
    assert pending.learn(example).signature.outputs[0].shape == (FREE, FREE)


def test_a_first_request_that_shows_nothing_leaves_it_to_a_later_one(tmp_path: Path) -> None:
    pending = load(asked(tmp_path, axis=BatchAxis(False, pending=True)))
    again = pending.learn({"x": np.ones((1, 2), np.int64)})  # which no row can be made of that differs
    assert again.signature.batch.pending
    assert again.learn({"x": np.array([[1, 2], [3, 4]], np.float32)}).signature.batch.batched


def test_what_is_not_to_be_padded_is_not_tried_and_says_why(tmp_path: Path) -> None:
    loading = msgspec.structs.replace(asked(tmp_path), unpadded="its worker died of it")
    assert load(loading).signature.batch.unpadded == "its worker died of it"


def test_a_warm_up_runs_on_what_the_manifest_says(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"\x00\x00\x80\x3f" * 2)
    given = {"x": WarmUpInput("FP32", (2,), "file", "rows")}
    assert load(asked(tmp_path, WarmUp(inputs=given)))


def test_a_warm_up_that_the_model_refuses_keeps_it_from_being_served(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="warm-up 'first': a row starts with 0"):
        load(asked(tmp_path, WarmUp("first")))


def test_a_warm_up_file_outside_the_models_folder_is_not_read(tmp_path: Path) -> None:
    given = {"x": WarmUpInput("FP32", (2,), "file", "../../etc/passwd")}
    with pytest.raises(ModelInvalid, match="not in the model's folder"):
        load(asked(tmp_path, WarmUp(inputs=given)))


def test_an_unknown_runtime_is_told_with_those_there_are() -> None:
    with pytest.raises(ModelInvalid, match="no runtime 'nonsense'; there are fake, onnx, openvino"):
        runtime("nonsense")


def test_a_runtime_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loading.RUNTIMES, "openvino", ("headrace.no_such_module", "OpenVino"))
    with pytest.raises(ModelInvalid, match=r"not installed: pip install 'headrace\[openvino\]'"):
        runtime("openvino")


def test_a_file_that_this_process_may_not_read_is_refused_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.fake"
    path.write_text("")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ModelInvalid, match=r"^model\.fake cannot be read: permission denied; let the server's user"):
        check_readable(path)
    check_readable(tmp_path / "gone.fake")  # its runtime says what is there


@pytest.mark.parametrize("at_once", [True, False])
def test_what_stands_in_for_one_that_is_held_twice_is_so_at_once(tmp_path: Path, at_once: bool) -> None:
    asked = Loading(Manifest("m", 1, save(identity(), tmp_path), "onnx"), 2, 16, 1e-3, BatchAxis(True, 16))
    loaded = load(msgspec.structs.replace(asked, spreads=at_once, spread_bytes=1 << 40))
    assert loaded.spreads() == at_once
    loaded.model.close()
