"""The tables of a file are found, and only those in which its inputs' numbers are places."""

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest

from headrace.runtimes.openvino_tables import tables
from tests.models.onnx_models import graph, looked_up, node, save, value

TABLE = np.ones((70, 4), np.float32)


def of(model: onnx.ModelProto, folder: Path) -> dict[str, int]:
    return tables(ov.Core().read_model(save(model, folder)))


def test_a_table_has_its_rows(tmp_path: Path) -> None:
    assert of(looked_up(1_000), tmp_path) == {"IDS": 1_000}


def test_of_two_tables_the_smaller_one_counts(tmp_path: Path) -> None:
    model = graph(
        [node("Gather", "large IDS", "a"), node("Gather", "small IDS", "b"), node("Add", "a b", "OUTPUT")],
        [value("IDS", "INT32", ("batch",))],
        [value("OUTPUT", "FP32", ("batch", 4))],
        {"large": np.ones((900, 4), np.float32), "small": TABLE},
    )
    assert of(model, tmp_path) == {"IDS": 70}


def test_numbers_that_are_changed_first_are_no_places(tmp_path: Path) -> None:
    assert of(looked_up(1_000, shifted=True), tmp_path) == {}


@pytest.mark.parametrize(("axis", "found"), [(0, {"IDS": 70}), (1, {})])
def test_a_table_is_looked_up_along_its_first_axis(axis: int, found: dict[str, int], tmp_path: Path) -> None:
    model = graph(
        [node("Gather", "table IDS", "OUTPUT", axis=axis)],
        [value("IDS", "INT64", ("batch",))],
        [value("OUTPUT", "FP32", None)],
        {"table": TABLE},
    )
    assert of(model, tmp_path) == found


def test_what_a_request_brings_is_no_table(tmp_path: Path) -> None:
    model = graph(
        [node("Gather", "ROWS IDS", "OUTPUT")],
        [value("ROWS", "FP32", ("rows", 4)), value("IDS", "INT64", ("batch",))],
        [value("OUTPUT", "FP32", ("batch", 4))],
    )
    assert of(model, tmp_path) == {}
