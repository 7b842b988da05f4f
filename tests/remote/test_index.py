"""A web server's index."""

import json

import pytest

from headrace.remote.faults import RemoteFault
from headrace.remote.index import parse_index
from headrace.remote.listing import RemoteFile

GOOD = {"name": "m/1/model.onnx", "size": 3, "sha256": "AB" * 32}


def test_an_index_names_files_with_sizes_and_sums() -> None:
    content = json.dumps({"files": [GOOD]}).encode()
    assert parse_index(content) == [RemoteFile("m/1/model.onnx", 3, sha256="ab" * 32)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "should be as"),
        (b"\xff", "should be as"),
        (b"[]", "Expected `object`"),
        (json.dumps({"files": [GOOD | {"size": -1}]}).encode(), r"\$.files\[0\].size"),
        (json.dumps({"files": [GOOD | {"sha256": "12"}]}).encode(), r"\$.files\[0\].sha256"),
        (json.dumps({"files": [{"name": "a", "size": 1}]}).encode(), "sha256"),
        (json.dumps({"files": [GOOD | {"sha265": "x"}]}).encode(), "sha265"),
    ],
)
def test_an_index_that_is_wrong_names_the_field(content: bytes, reason: str) -> None:
    with pytest.raises(RemoteFault, match=reason):
        parse_index(content)
