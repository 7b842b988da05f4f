"""Rows of several lengths share a run where padding changes no answer, and nowhere else."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.onnx import Onnx
from headrace.runtimes.probe import find_batch_axis, learn_batch_axis
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, BatchAxis, Batching, PadAxis, Padding, TensorSpec
from tests.models import onnx_models, series_models
from tests.runtimes.manifests import manifest

AS_FOUND = Batching()
DECLARED = Batching(pad=Padding(1))


def probe(model: onnx.ModelProto, folder: Path, batching: Batching = AS_FOUND) -> BatchAxis:
    asked = manifest(onnx_models.save(model, folder), batching=batching)
    return find_batch_axis(Onnx().load(asked, threads=1), asked)


def padded(model: onnx.ModelProto, folder: Path, batching: Batching = AS_FOUND) -> PadAxis:
    axis = probe(model, folder, batching)
    assert axis.pad is not None, axis
    return axis.pad


def test_a_model_that_heeds_its_mask_is_padded(tmp_path: Path) -> None:
    found = padded(series_models.masked_mean(), tmp_path)
    assert (found.axis, found.values, found.mask) == (1, {"INPUT": 0, "STEP_MASK": 0}, "STEP_MASK")
    assert found.outputs == {"STEPS": (1,)}
    assert "the same alone and padded" in found.why


def test_a_model_of_each_step_is_padded_and_its_answer_cut(tmp_path: Path) -> None:
    assert padded(series_models.each_step(), tmp_path).outputs == {"OUTPUT": (1,)}


def test_rows_are_padded_as_far_as_lengths_were_tried(tmp_path: Path) -> None:
    assert padded(series_models.each_step(), tmp_path).lengths == (1, 4096)


def test_rows_are_padded_as_far_as_the_model_goes(tmp_path: Path) -> None:
    assert padded(series_models.placed(100), tmp_path).lengths == (1, 64)


def test_answers_that_grow_too_large_end_what_is_tried(tmp_path: Path) -> None:
    assert padded(series_models.pairs(), tmp_path).lengths == (1, 1024)


def test_a_window_past_what_is_tried_leaves_shorter_rows_padded(tmp_path: Path) -> None:
    found = padded(series_models.last_steps(5000), tmp_path)
    assert found.lengths is not None
    assert found.lengths[1] <= 4096


def test_padding_that_is_declared_is_of_any_length(tmp_path: Path) -> None:
    assert padded(series_models.each_step(), tmp_path, DECLARED).lengths is None


def test_a_sum_is_padded_with_zeros(tmp_path: Path) -> None:
    assert padded(series_models.total(), tmp_path).outputs == {}


def test_an_output_of_each_pair_of_steps_is_cut_twice(tmp_path: Path) -> None:
    assert padded(series_models.pairs(), tmp_path).outputs == {"OUTPUT": (1, 2)}


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (series_models.reduced("ReduceMean"), "padded, output 'OUTPUT' moves by up to"),
        (series_models.reduced("ReduceMax"), "padded, output 'OUTPUT' moves by up to"),
        (series_models.reduced("ReduceMin"), "padded, output 'OUTPUT' moves by up to"),
        (series_models.furthest(), "padded, output 'OUTPUT' moves by up to"),
        (series_models.last_steps(200), "padded, output 'OUTPUT' moves by up to"),
        (series_models.doubled_past(3), "padded, output 'OUTPUT' moves by up to"),
        (series_models.doubled_past(1000), "padded, output 'OUTPUT' moves by up to"),
        (series_models.quantised_mean(), "padded, output 'OUTPUT' moves by up to"),
        (series_models.masked_mean(inverted=True), ""),
        (series_models.halved(), "dimension 2 of output 'OUTPUT' is 8 for a row of 16 and 2 for one of 5"),
        (series_models.deaf(), "its answers hardly depend on its inputs"),
        (onnx_models.detector(), "its inputs are no series of one length"),
    ],
    ids=[
        "mean",
        "maximum",
        "minimum",
        "furthest",
        "last steps",
        "doubled past a few",
        "doubled past many",
        "mean in 8 bits",
        "mask the other way",
        "halved",
        "deaf",
        "images",
    ],
)
def test_rows_that_padding_would_change_keep_to_their_length(model: onnx.ModelProto, says: str, tmp_path: Path) -> None:
    axis = probe(model, tmp_path)
    assert axis.batched, axis.why
    assert axis.pad is None
    assert axis.unpadded.startswith(says)
    assert axis.unpadded


def test_the_noise_of_a_quantised_model_does_not_stand_in_the_way(tmp_path: Path) -> None:
    found = padded(series_models.quantised_steps(), tmp_path)
    assert "the noise of a quantised model" in found.why
    assert found.difference > 0


def test_a_model_of_one_shape_says_nothing_of_padding(tmp_path: Path) -> None:
    axis = probe(onnx_models.identity(), tmp_path)
    assert (axis.pad, axis.unpadded) == (None, "")


def test_padding_that_is_switched_off_is_not_tried(tmp_path: Path) -> None:
    axis = probe(series_models.masked_mean(), tmp_path, Batching(pad=False))
    assert (axis.batched, axis.pad, axis.unpadded) == (True, None, "")


def test_a_larger_tolerance_allows_more(tmp_path: Path) -> None:
    assert probe(series_models.reduced("ReduceMean"), tmp_path, Batching(tolerance=10)).pad is not None


def test_what_the_configuration_says_is_tried_and_kept(tmp_path: Path) -> None:
    said = Padding(1, {"STEP_MASK": 1}, "STEP_MASK")
    found = padded(series_models.masked_mean(inverted=True), tmp_path, Batching(pad=said))
    assert found.values == {"INPUT": 0, "STEP_MASK": 1}
    assert found.why.startswith("model.toml says so; the same alone and padded")


def test_it_is_tried_also_where_the_batch_axis_is_trusted(tmp_path: Path) -> None:
    trusted = Batching(enabled=True, pad=Padding(1))
    assert padded(series_models.each_step(), tmp_path, trusted).outputs == {"OUTPUT": (1,)}


def test_declared_padding_that_changes_answers_is_refused_with_the_difference(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid) as caught:
        probe(series_models.reduced("ReduceMean"), tmp_path, Batching(pad=Padding(1, {"INPUT": 0})))
    assert str(caught.value).startswith(
        "model.toml: batching.pad: rows cannot be padded along axis 1: padded, output 'OUTPUT' moves by up to "
    )


def test_declared_padding_of_rows_that_share_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="rows do not share a run: output 'OUTPUT' moves"):
        probe(onnx_models.one_node("Softmax", dims=("b", "n"), out_dims=("b", "n"), axis=0), tmp_path, DECLARED)


def test_a_fault_of_the_declaration_is_told_with_file_and_key(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"model.toml: batching.pad.axis: no input has a free dimension 3"):
        probe(series_models.each_step(), tmp_path, Batching(pad=Padding(3)))


def test_declared_padding_of_a_model_with_a_reshape_is_refused(tmp_path: Path) -> None:
    path = onnx_models.save(series_models.each_step(), tmp_path)
    shapes = TensorSpec("INPUT", "FP32", (FREE, FREE), model_shape=(FREE, FREE, 3))
    asked = manifest(path, inputs=(shapes,), batching=DECLARED)
    with pytest.raises(ModelInvalid, match="rows of a model with a `reshape` cannot be padded"):
        find_batch_axis(Onnx().load(asked, 1), asked)


def test_a_first_request_teaches_padding_too(tmp_path: Path) -> None:
    asked = manifest(onnx_models.save(series_models.masked_mean(), tmp_path))
    rng = np.random.default_rng(0)
    example: Arrays = {"INPUT": rng.random((1, 9, 3), np.float32), "STEP_MASK": np.ones((1, 9), np.int64)}
    axis = learn_batch_axis(Onnx().load(asked, 1), asked, example)
    assert axis.pad is not None
    assert axis.pad.outputs == {"STEPS": (1,)}


def test_a_first_request_that_speaks_against_declared_padding_leaves_it_off(tmp_path: Path) -> None:
    asked = manifest(onnx_models.save(series_models.reduced("ReduceMean"), tmp_path), batching=DECLARED)
    example: Arrays = {"INPUT": np.random.default_rng(0).random((1, 9, 3), np.float32)}
    axis = learn_batch_axis(Onnx().load(asked, 1), asked, example)
    assert axis.batched
    assert axis.unpadded.startswith("padded, output 'OUTPUT' moves by up to")
