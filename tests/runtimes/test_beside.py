"""What others may send: a full run, larger numbers, missing ones, and those of a whole table."""

from pathlib import Path

import numpy as np
import pytest

from headrace.runtimes.beside import CROWD_S, MOST_ID, crowd_of, largest_taken, louder, others, with_gaps
from headrace.runtimes.onnx import Onnx
from headrace.runtimes.openvino import OpenVino
from headrace.runtimes.runtime import Arrays, LoadedModel
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest

FLOATS: Arrays = {"x": np.array([[1.0, 2.0, 3.0]], np.float32), "ids": np.array([[5]])}


def table(places: int, folder: Path) -> LoadedModel:
    return Onnx().load(manifest(models.save(models.looked_up(places), folder)), threads=1)


def places_of(*places: int) -> Arrays:
    return {"IDS": np.array([places])}


def test_floats_grow_and_whole_numbers_stay() -> None:
    loud = louder(FLOATS)
    assert loud is not None
    assert (loud["x"].tolist(), loud["ids"].tolist()) == ([[1000, 2000, 3000]], [[5]])
    assert louder({"ids": FLOATS["ids"]}) is None


def test_every_second_float_is_missing() -> None:
    gaps = with_gaps(FLOATS)
    assert gaps is not None
    assert np.isnan(gaps["x"]).tolist() == [[True, False, True]]
    assert gaps["x"].dtype == np.float32
    assert with_gaps({"ids": FLOATS["ids"]}) is None


def test_a_full_run_has_the_rows_over_and_over() -> None:
    assert crowd_of([FLOATS] * 3, 8, 0.0) == [0, 1, 2, 0, 1, 2, 0, 1]


def test_a_full_run_of_a_slow_model_has_fewer_rows() -> None:
    assert len(crowd_of([FLOATS] * 3, 64, CROWD_S / 9.5)) == 9


@pytest.mark.parametrize(("most", "row_s"), [(3, 0.0), (64, CROWD_S)])
def test_no_run_is_made_of_as_many_rows_as_have_run_already(most: int, row_s: float) -> None:
    assert crowd_of([FLOATS] * 3, most, row_s) == []


@pytest.mark.parametrize("places", [1_000, 30_522])
def test_nearly_the_last_place_of_a_table_is_found(places: int, tmp_path: Path) -> None:
    found = largest_taken(table(places, tmp_path), places_of(1, 2, 3), "IDS")
    assert 0.85 * places < found < places


def test_a_table_of_few_places_has_none_that_are_far(tmp_path: Path) -> None:
    assert largest_taken(table(120, tmp_path), places_of(1, 2, 3), "IDS") == 0


def test_any_number_is_taken_where_there_is_no_table(tmp_path: Path) -> None:
    model = Onnx().load(manifest(models.save(models.identity("INT64"), tmp_path)), threads=1)
    assert largest_taken(model, {"INPUT": np.array([[1, 2, 3, 4]])}, "INPUT") > 0.85 * MOST_ID


def test_numbers_fit_their_datatype(tmp_path: Path) -> None:
    model = Onnx().load(manifest(models.save(models.identity("UINT8"), tmp_path)), threads=1)
    found = largest_taken(model, {"INPUT": np.array([[1, 2, 3, 4]], np.uint8)}, "INPUT")
    assert 240 < found <= 255


def test_a_number_that_answers_grow_with_is_no_place(tmp_path: Path) -> None:
    model = Onnx().load(manifest(models.save(models.hog(), tmp_path)), threads=1)
    assert largest_taken(model, {"SHAPE": np.array([2])}, "SHAPE") == 0


def test_far_places_are_tried_together(tmp_path: Path) -> None:
    row = places_of(*range(16))
    (far,) = others(table(1_000, tmp_path), row)
    assert far.held
    assert int(far.row["IDS"].min()) >= 100
    assert int(far.row["IDS"].max()) > 500


def test_a_runtime_that_reads_past_a_tables_end_is_asked_within_it(tmp_path: Path) -> None:
    asked = manifest(models.save(models.looked_up(1_000), tmp_path), runtime="openvino")
    (other,) = others(OpenVino().load(asked, 1), places_of(*range(16)))
    assert 500 < other.row["IDS"].max() < 1_000


def test_of_a_table_that_is_not_known_it_is_not_asked_for_far_places(tmp_path: Path) -> None:
    shifted = models.looked_up(1_000, shifted=True)
    asked = manifest(models.save(shifted, tmp_path), runtime="openvino")
    assert list(others(OpenVino().load(asked, 1), places_of(*range(16)))) == []


def test_masks_stay_as_they_are(tmp_path: Path) -> None:
    assert list(others(table(1_000, tmp_path), places_of(0, 1, 1))) == []
