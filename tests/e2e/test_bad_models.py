"""Models that cannot be served are listed with the reason, and loading asked for wrongly changes nothing."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from tests.e2e.attack import Refused, Target
from tests.e2e.conftest import add_fake

pytestmark = pytest.mark.slow

BROKEN = {
    "truncated": "model.onnx",
    "empty": "empty",
    "text": "model.onnx",
    "outside": "outside",
    "absolute": "Absolute path",
    "missing": "missing.bin",
    "operator": "Frobnicate",
    "pbtxt": "config.pbtxt: line 2, column 17",
    "key": "bathcing",
    "toml": "line 1",
    "nothing": "holds no model",
    "dangling": "dangling",
}


@pytest.fixture(autouse=True)
def _still_serves(target: Target) -> Iterator[None]:
    yield
    assert target.serves()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_unavailable_with_its_reason(target: Target, name: str) -> None:
    line = target.index()[name]
    assert (line["state"], BROKEN[name] in line["reason"]) == ("UNAVAILABLE", True), line


@pytest.mark.parametrize("name", BROKEN)
def test_a_request_for_a_broken_model_says_why_and_is_no_500(target: Target, name: str) -> None:
    answer = target.post(f"/v2/models/{name}/infer", {"inputs": []})
    assert (answer.status, BROKEN[name] in answer.error) == (503, True), answer.body


@pytest.mark.parametrize("name", BROKEN)
def test_loading_a_broken_model_again_is_refused_with_the_reason(target: Target, name: str) -> None:
    answer = target.post(f"/v2/repository/models/{name}/load", {})
    assert (answer.status, BROKEN[name] in answer.error) == (400, True), answer.body


def test_no_reason_tells_where_the_repository_lies(target: Target, repository: Path) -> None:
    told = {name: line.get("reason", "") for name, line in target.index().items()}
    assert {name: reason for name, reason in told.items() if str(repository) in reason} == {}


@pytest.mark.parametrize(
    ("parameters", "status", "says"),
    [
        ({"config": "nonsense"}, 400, "parameters.config"),
        ({"config": "[]"}, 400, "parameters.config"),
        ({"config": "[" * 100_000}, 400, "parameters.config"),
        ({"config": '{"name": "another"}'}, 400, "another"),
        ({"config": '{"max_batch_size": "many"}'}, 400, "max_batch_size"),
        ({"config": '{"max_batch_size": -5}'}, 400, "max_batch_size"),
        ({"config": '{"max_batch_size": 1e30}'}, 400, "max_batch_size"),
        ({"config": '{"instance_group": [{"count": 100000000}]}'}, 400, "instance_group"),
        ({"config": '{"version_policy": {"specific": {"versions": [77]}}}'}, 400, "77"),
        ({"config": '{"no_such_field": 1}'}, 400, "no_such_field"),
        ({"config": '{"backend": "../../bin/sh"}'}, 400, "backend"),
        ({"config": json.dumps({"parameters": {"a": {"string_value": "x" * 900_000}}})}, None, ""),
        ({"config": json.dumps({"parameters": {f"k{i}": {"string_value": "x"} for i in range(20_000)}})}, None, ""),
        ({"file:1/model.fake": base64.b64encode(b"x").decode()}, 403, "models.uploads"),
        ({"file:../../rows/model.fake": base64.b64encode(b"x").decode()}, 400, "file:"),
        ({"file:1/model.fake": "not base64!"}, 403, "models.uploads"),
        ({"nonsense": "x"}, 400, "parameters.nonsense"),
        ({"config": 5}, 400, "parameters"),
    ],
)
def test_a_load_that_asks_for_something_impossible_is_refused(
    target: Target, parameters: dict[str, object], status: int | None, says: str
) -> None:
    answer = target.post("/v2/repository/models/half/load", {"parameters": parameters})
    if status is None:  # either way, at once
        assert answer.status in (200, 400, 413)
    else:
        assert (answer.status, says in answer.error) == (status, True), answer.body


def test_a_load_that_fails_leaves_what_was_served(target: Target, repository: Path) -> None:
    add_fake(repository, "kept")
    assert target.post("/v2/repository/models/kept/load", {}).status == 200
    file = repository / "kept" / "model.fake"
    good = file.read_text()
    file.write_text("nonsense = ")
    assert target.post("/v2/repository/models/kept/load", {}).status == 400
    assert target.infer("kept", {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}).status == 200
    file.write_text(good)


def test_files_over_grpc_are_refused_where_uploads_are_off(target: Target) -> None:
    files = {"file:1/model.fake": pb.ModelRepositoryParameter(bytes_param=b"x")}
    sent = pb.RepositoryModelLoadRequest(model_name="half", parameters=files)
    answer = target.call("RepositoryModelLoad", sent, pb.RepositoryModelLoadResponse)
    assert isinstance(answer, Refused)
    assert (answer.code, "models.uploads" in answer.error) == (grpc.StatusCode.PERMISSION_DENIED, True)
