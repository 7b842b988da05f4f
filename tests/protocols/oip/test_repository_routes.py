"""Index, load and unload over HTTP."""

import base64
import json
from random import randbytes

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.beside import LONG_BYTES
from headrace.protocols.oip.repository_routes import describe, read_load
from headrace.types import VersionStatus
from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub


async def test_the_index_lists_versions_with_state_and_reason() -> None:
    async with serving(Stub()) as (port, _), connected(port) as wire:
        index = (await wire.ask("POST", "/v2/repository/index")).json
        ready = (await wire.ask("POST", "/v2/repository/index", b'{"ready":true}')).json
    assert {"name": "add_sub", "version": "2", "state": "READY"} in index
    assert {"name": "add_sub_loading", "version": "1", "state": "LOADING"} in index
    assert {"name": "broken", "state": "UNAVAILABLE", "reason": "the folder holds no model file"} in index
    assert {line["state"] for line in ready} == {"READY"}


async def test_load_and_unload_reach_the_repository() -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        config = json.dumps({"parameters": {"config": '{"max_batch_size":4}'}}).encode()
        dependents = b'{"parameters":{"unload_dependents":true}}'
        for path, body in (("load", b""), ("load", config), ("unload", b""), ("unload", dependents)):
            answer = await wire.ask("POST", f"/v2/repository/models/add_sub/{path}", body)
            assert (answer.status, answer.body) == (200, b"")
    assert stub.repository.calls == [
        ("load", "add_sub", None),
        ("load", "add_sub", {"max_batch_size": 4}),
        ("unload", "add_sub", False),
        ("unload", "add_sub", True),
    ]


async def test_an_unload_need_not_be_waited_for() -> None:
    stub = Stub()
    async with serving(stub) as (port, _), connected(port) as wire:
        assert (await wire.ask("POST", "/v2/repository/models/add_sub/unload?wait=false", b"")).status == 200
    assert stub.repository.calls == [("unload", "add_sub", False, "at once")]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing/load", b"", 404),
        ("nothing/unload", b"", 404),
        ("../load", b"", 404),
        ("add_sub/load", b'{"parameters":{"file:1/model.onnx":"AAAA"}}', 403),
        ("add_sub/load", b'{"parameters":{"file:../x":"AAAA"}}', 400),
        ("add_sub/load", b'{"parameters":{"config":"{"}}', 400),
        ("add_sub/load", b'{"parameters":5}', 400),
        ("add_sub/unload", b'{"parameters":{"unload_dependents":1}}', 400),
        ("add_sub/unload?wait=no", b"", 400),
    ],
)
async def test_what_cannot_be_loaded_or_unloaded_is_refused(path: str, body: bytes, status: int) -> None:
    async with serving(Stub()) as (port, _), connected(port) as wire:
        answer = await wire.ask("POST", f"/v2/repository/models/{path}", body)
    assert answer.status == status
    assert answer.json["error"]


async def test_files_that_are_not_taken_are_refused_before_anything_is_decoded() -> None:
    async with serving(Stub()) as (port, _), connected(port) as wire:
        for body in (b'{"parameters":{"file:1/model.onnx":"***"}}', b'{"file:' + b"[" * LONG_BYTES):
            answer = await wire.ask("POST", "/v2/repository/models/add_sub/load", body)
            assert (answer.status, "models.uploads" in answer.json["error"]) == (403, True)


async def test_a_load_of_parameters_beyond_number_is_refused_before_it_is_decoded() -> None:
    stub = Stub()
    stub.repository.allows_uploads = True
    async with serving(stub) as (port, _), connected(port) as wire:
        body = b'{"parameters":{' + b'"a":"",' * (128 << 10) + b'"a":""}}'
        answer = await wire.ask("POST", "/v2/repository/models/add_sub/load", body)
    assert (answer.status, "131072 of them with names" in answer.json["error"]) == (400, True)


async def test_long_files_reach_the_repository() -> None:
    stub, content = Stub(), randbytes(1 << 20)
    stub.repository.allows_uploads = True
    sent = json.dumps(
        {"parameters": {"config": "{}", "file:1/model.onnx": base64.b64encode(content).decode()}}
    ).encode()
    async with serving(stub) as (port, _), connected(port) as wire:
        assert (await wire.ask("POST", "/v2/repository/models/add_sub/load", sent)).status == 200
    assert stub.repository.calls == [("load", "add_sub", {}, {"1/model.onnx": content})]


def test_files_are_decoded_by_their_path() -> None:
    content = base64.b64encode(b"model").decode()
    assert read_load({"config": "{}", "file:1/model.onnx": content}) == ({}, {"1/model.onnx": b"model"})
    assert read_load({}) == (None, None)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "1/../../x", "1\\x", "a\0b", "."])
def test_a_file_outside_the_models_folder_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest, match="not a path under the model's folder"):
        read_load({f"file:{path}": ""})


@pytest.mark.parametrize(
    "content", ["***", "A", "AAAA\n", "é", "A" * (256 << 10) + "é", "A" * ((256 << 10) - 1) + "=AAAA"]
)
def test_content_that_is_not_base64_is_refused(content: str) -> None:
    with pytest.raises(InvalidRequest, match="not base64"):
        read_load({"file:x": content})


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"parameters\.colour: is not a parameter of load"):
        read_load({"colour": "red"})


def test_a_folder_without_a_version_has_none_in_the_index() -> None:
    assert describe(VersionStatus("m", None, "UNAVAILABLE", "empty")) == {
        "name": "m",
        "state": "UNAVAILABLE",
        "reason": "empty",
    }
