"""Files that come with a load stay in their model's folder."""

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.oip.upload_path import upload_path


@pytest.mark.parametrize("name", ["file:1/model.onnx", "file:./1/model.onnx", "file:1//model.onnx"])
def test_a_path_is_said_in_one_way(name: str) -> None:
    assert upload_path(name) == "1/model.onnx"


@pytest.mark.parametrize("path", ["", ".", "/etc/x", "../x", "1/../../x", "1\\x", "1/a\0b"])
def test_a_path_that_leads_elsewhere_is_refused_by_its_parameter(path: str) -> None:
    with pytest.raises(InvalidRequest, match="not a path under the model's folder") as refused:
        upload_path(f"file:{path}")
    assert refused.value.where == f"parameters.file:{path}"
