"""A file of an encoder becomes one that reads texts one behind another."""

from pathlib import Path

import pytest

from headrace.runtimes.openvino_packed import open_packed
from tests.graphs.onnx_bert import Form, bert
from tests.tiles import kernels


def written(folder: Path, form: Form) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(bert(form).SerializeToString())
    return path


@pytest.mark.parametrize(("form", "quantised"), [(Form(), False), (Form(matrices="dynamic"), True)])
def test_it_takes_texts_one_behind_another(tmp_path: Path, form: Form, quantised: bool) -> None:
    found = open_packed(written(tmp_path, form), kernels(), 1)
    assert found is not None
    assert found.quantised == quantised
    assert {port.any_name for port in found.compiled.inputs} >= {"input_ids", "position_ids", "begins", "seen"}


def test_what_is_none_is_none(tmp_path: Path) -> None:
    assert open_packed(written(tmp_path, Form(bend="relu")), kernels(), 1) is None
