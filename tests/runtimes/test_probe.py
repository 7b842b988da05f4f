"""A batch axis is found where rows keep to themselves, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from headrace.runtimes.onnx import Onnx
from headrace.runtimes.openvino import OpenVino
from headrace.runtimes.probe import find_batch_axis, learn_batch_axis
from headrace.types import FREE, BatchAxis, Batching, TensorSpec
from tests.models import onnx_models as models
from tests.processor import CODES_OVERFLOW
from tests.runtimes.manifests import manifest
from tools.add_sub_onnx import add_sub

AS_FOUND = Batching()


def probe(model: onnx.ModelProto, folder: Path, batching: Batching = AS_FOUND) -> BatchAxis:
    asked = manifest(models.save(model, folder), batching=batching)
    return find_batch_axis(Onnx().load(asked, threads=1), asked)


def learn(model: onnx.ModelProto, folder: Path, **example: NDArray[Any]) -> BatchAxis:
    asked = manifest(models.save(model, folder))
    return learn_batch_axis(Onnx().load(asked, threads=1), asked, example)


@pytest.mark.parametrize(
    "model",
    [
        add_sub(),
        models.identity(),
        models.identity("BF16"),
        models.identity("FP16", ("batch",)),
        models.identity("BYTES", ("batch", "words")),
        models.identity("BOOL", ("batch", 3)),
        models.noop(),
        models.detector(),
        models.looked_up(),
        models.two_outputs(),
        models.optional_input(),
        models.one_node("Softmax", axis=1),
        models.one_node("ArgMax", out_dims=("batch",), out_datatype="INT64", axis=1, keepdims=0),
    ],
    ids=lambda model: model.graph.node[0].op_type + "_" + model.graph.input[0].name,
)
def test_rows_that_keep_to_themselves_are_a_batch(model: onnx.ModelProto, tmp_path: Path) -> None:
    found = probe(model, tmp_path)
    assert found.batched, found.why
    assert found.max_size == 64
    assert "the same alone and together" in found.why


@pytest.mark.parametrize("model", [models.centred(), models.centred(0.01), models.one_node("Softmax", axis=0)])
def test_rows_that_depend_on_their_company_are_none(model: onnx.ModelProto, tmp_path: Path) -> None:
    found = probe(model, tmp_path)
    assert not found.batched
    assert "output 'OUTPUT' moves by up to" in found.why


@pytest.mark.parametrize("share", [1, 0.1])
def test_rows_of_small_outputs_that_depend_on_their_company_are_none(share: float, tmp_path: Path) -> None:
    found = probe(models.centred(share, scale=1e-4), tmp_path)
    assert not found.batched
    assert "output 'OUTPUT' moves by up to" in found.why


def test_texts_whose_words_are_filled_up_to_the_longest_one_are_none(tmp_path: Path) -> None:
    found = probe(models.words(), tmp_path)
    assert not found.batched
    assert "the shape of a row of output 'OUTPUT' depends on the other rows" in found.why


def test_batch_statistics_are_found(tmp_path: Path) -> None:
    assert not probe(models.training_batch_norm(), tmp_path).batched


@pytest.mark.skipif(CODES_OVERFLOW, reason="this processor's sums of 8-bit products overflow: more than noise")
def test_rows_that_move_by_a_quantised_models_noise_are_a_batch(tmp_path: Path) -> None:
    found = probe(models.dynamically_quantised(places=100), tmp_path)
    assert found.batched, found.why
    assert found.difference > 1e-3
    assert "the noise of a quantised model" in found.why
    assert f"{found.difference:.3g}" in found.why


def test_rows_of_which_far_larger_ones_leave_nothing_are_none(tmp_path: Path) -> None:
    found = probe(models.dynamically_quantised(), tmp_path)
    assert not found.batched
    assert "beside a row of numbers 1000 times as large, output 'OUTPUT' moves by up to" in found.why
    assert "`batching = true`" in found.why


def test_rows_of_which_others_of_a_tables_far_places_leave_nothing_are_none(tmp_path: Path) -> None:
    assert probe(models.dynamically_quantised(places=1000), tmp_path).batched
    found = probe(models.dynamically_quantised(places=1000, louder_from=100), tmp_path)
    assert not found.batched
    assert "beside a row of whole numbers of up to" in found.why


def test_so_it_is_with_openvino_where_the_table_is_known(tmp_path: Path) -> None:
    def found(louder_from: int | None) -> BatchAxis:
        model = models.dynamically_quantised(places=1000, louder_from=louder_from)
        asked = manifest(models.save(model, tmp_path), runtime="openvino")
        return find_batch_axis(OpenVino().load(asked, 1), asked)

    assert found(None).batched
    assert "beside a row of whole numbers of up to" in found(100).why


def test_noise_is_not_trusted_where_far_places_cannot_be_tried(tmp_path: Path) -> None:
    model = models.dynamically_quantised(places=100, shifted=True)
    asked = manifest(models.save(model, tmp_path), runtime="openvino")
    found = find_batch_axis(OpenVino().load(asked, 1), asked)
    assert not found.batched
    assert "rows do not keep to themselves" in found.why


def test_rows_that_a_full_run_has_no_room_for_are_none(tmp_path: Path) -> None:
    assert "in a run of 64 rows, output 'OUTPUT' moves by up to" in probe(models.capped(), tmp_path).why
    assert probe(models.capped(most=64), tmp_path).batched


def test_no_more_rows_than_a_run_may_have_are_tried_together(tmp_path: Path) -> None:
    assert probe(models.capped(most=8), tmp_path, Batching(max_size=8)).batched


def test_missing_numbers_that_are_filled_in_from_the_batch_are_none(tmp_path: Path) -> None:
    assert "beside a row of missing numbers (NaN), output 'OUTPUT' is finite" in probe(models.imputed(), tmp_path).why


def test_a_tolerance_of_the_configuration_is_used(tmp_path: Path) -> None:
    found = probe(models.centred_flags(1e-5), tmp_path, Batching(tolerance=1e-7))
    assert not found.batched
    found = probe(models.centred_flags(1e-5), tmp_path, Batching(tolerance=0.1))
    assert found.batched, found.why
    assert "the same alone and together" in found.why


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (models.scalar(), "input 'INPUT' is a scalar"),
        (models.identity(dims=(1, 4)), "the first dimension of input 'INPUT' is fixed at 1"),
        (models.one_node("ReduceSum", out_dims=(1, 1)), "output 'OUTPUT' has 1 rows where the inputs have 2"),
        (models.one_node("Relu", out_dims=(3, 4)), "the first dimension of output 'OUTPUT' is fixed at 3"),
        (models.identity(dims=("n", "n")), "two dimensions of input 'INPUT' are both named 'n'"),
        (
            models.candidates("users", "items"),
            "the first dimensions of inputs 'USER' and 'ITEMS' are named 'users' and 'items': they may differ in size",
        ),
        (models.first_row(), "output 'OUTPUT' has 1 rows where the inputs have 2"),
        (models.found_places(), "output 'OUTPUT' has 4 rows where the inputs have one"),
        (models.noisy(), "a row run twice gives different answers"),
        (models.baked_batch(), "rows that run alone do not run together: Squeeze node"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_the_reason_why_rows_stay_alone_is_said(model: onnx.ModelProto, says: str, tmp_path: Path) -> None:
    found = probe(model, tmp_path)
    assert not found.batched
    assert not found.pending
    assert found.max_size == 1
    assert found.why.startswith(says)


@pytest.mark.parametrize(
    ("user", "items"),
    [
        ("n", "n"),
        ("unk__12", "unk__13"),
        ("a_dynamic_axes_1", "b_dynamic_axes_1"),
        ("batch", "batch_size"),
        ("n", None),
    ],
)
def test_names_that_exporters_make_up_or_that_say_batch_keep_nothing_apart(
    user: str, items: str | None, tmp_path: Path
) -> None:
    found = probe(models.candidates(user, items), tmp_path)
    assert found.batched, found.why


def test_an_output_of_one_row_by_its_file_has_as_many_as_the_inputs_where_that_shows(tmp_path: Path) -> None:
    assert probe(models.one_node("Relu", out_dims=(1, 4)), tmp_path).batched  # so are LightGBM's labels exported


@pytest.mark.parametrize("enabled", [True, False])
def test_the_configurations_word_is_taken(enabled: bool, tmp_path: Path) -> None:
    found = probe(models.centred(), tmp_path, Batching(enabled=enabled, max_size=5))
    assert found == BatchAxis(enabled, 5 if enabled else 1, why="model.toml says so")


def test_the_configured_largest_batch_is_kept(tmp_path: Path) -> None:
    assert probe(models.identity(), tmp_path, Batching(max_size=5)).max_size == 5


def test_a_first_dimension_that_the_configuration_fixes_is_no_batch(tmp_path: Path) -> None:
    asked = manifest(models.save(models.identity(), tmp_path), inputs=(TensorSpec("INPUT", "", (1, 4)),))
    found = find_batch_axis(Onnx().load(asked, 1), asked)
    assert found.why == "the first dimension of input 'INPUT' is fixed at 1"


def test_sizes_that_the_configuration_gives_are_used(tmp_path: Path) -> None:
    asked = manifest(models.save(models.dense(), tmp_path), inputs=(TensorSpec("INPUT", "", (FREE, 7)),))
    assert find_batch_axis(Onnx().load(asked, 1), asked).batched


def test_where_no_usual_size_runs_the_first_request_is_waited_for(tmp_path: Path) -> None:
    found = probe(models.dense(), tmp_path)
    assert found.pending
    assert not found.batched
    assert "learned from the first request" in found.why


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_request_teaches_the_batch_axis(rows: int, tmp_path: Path) -> None:
    given = np.random.default_rng(1).random((rows, 7), dtype=np.float32)
    found = learn(models.dense(), tmp_path, INPUT=given)
    assert found.batched, found.why
    assert not found.pending


def test_a_request_teaches_that_rows_depend_on_their_company(tmp_path: Path) -> None:
    found = learn(models.centred(), tmp_path, INPUT=np.arange(4, dtype=np.float32)[np.newaxis])
    assert not found.batched
    assert not found.pending


def test_a_request_of_zeros_still_teaches_a_model_of_floats(tmp_path: Path) -> None:
    assert learn(models.dense(), tmp_path, INPUT=np.zeros((1, 7), np.float32)).batched


def test_a_request_whose_rows_cannot_differ_teaches_nothing(tmp_path: Path) -> None:
    assert learn(models.looked_up(), tmp_path, IDS=np.zeros((1, 3), np.int64)).pending


def test_a_request_with_different_numbers_of_rows_teaches_nothing(tmp_path: Path) -> None:
    found = learn(add_sub(), tmp_path, INPUT0=np.zeros((1, 16), np.int32), INPUT1=np.zeros((2, 16), np.int32))
    assert not found.batched


def test_a_request_teaches_no_batch_where_an_optional_input_has_no_rows(tmp_path: Path) -> None:
    axis = learn(models.optional_input(), tmp_path, INPUT=np.arange(8, dtype=np.float32).reshape(2, 4))
    assert (axis.batched, axis.why) == (False, "the first dimension of input 'BIAS' is fixed at 4")
