"""Bodies become requests, and responses bodies, without a socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import from_array, split_bytes, to_array
from headrace.errors import Forbidden, HeadraceError, InvalidRequest, ModelNotFound, NotFound
from headrace.models.registry import Registry, Served
from headrace.protocols.oip.head import Head
from headrace.protocols.oip.rest import Body, read_request, write_response
from headrace.protocols.oip.shapes import MAX_NAMED
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.templates import Templates
from headrace.protocols.oip.wanted import Wanted
from headrace.types import (
    BatchAxis,
    Manifest,
    ModelRef,
    ModelVersion,
    Request,
    Response,
    Signature,
    Tensor,
)
from tests.protocols.oip.stub import BATCH, MODELS, StubServable

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
INPUT = {"name": "x", "shape": [2], "datatype": "INT32", "data": [1, 2]}


def _registry() -> Registry:
    registry = Registry()
    for name, model in MODELS.items():
        version = ModelVersion(name, 1)
        signature = Signature(model.inputs, model.outputs, BatchAxis(model.batched, 8), "stub", "stub")
        served = Served(version, Manifest(name, 1, Path(), "stub"), StubServable(version, signature, model.compute))
        registry.publish(served)
    return registry


REGISTRY, NO_REGIONS = _registry(), Regions(allowed=False)


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[Regions]:
    (tmp_path / "file").write_bytes(bytes(range(64)))
    regions = Regions(allowed=True, folder=tmp_path)
    regions.register("r", "/file", 0, 64)
    yield regions
    regions.close()


def _read(
    body: dict[str, Any] | bytes, raw: bytes = b"", model: str = "m", regions: Regions = NO_REGIONS, **headers: Any
) -> tuple[Request, Wanted]:
    head = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = Head(ModelRef(model), **{"json_bytes": len(head) if raw else None} | headers)
    return read_request(asked, memoryview(head + raw), asked.context(1_000), REGISTRY, regions, Templates())


def _refusal(body: dict[str, Any] | bytes, raw: bytes = b"", **options: Any) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        _read(body, raw, **options)
    return str(refusal.value)


@pytest.mark.parametrize("field", ["inputs", "outputs"])
def test_more_inputs_or_outputs_than_can_be_are_refused(field: str) -> None:
    body = {"inputs": [INPUT]} | {field: [{**INPUT, "name": str(number)} for number in range(MAX_NAMED + 1)]}
    assert _refusal(body) == f"{field}: has more than {MAX_NAMED} elements, the most that are taken"


def _binary(*sizes: int) -> dict[str, Any]:
    inputs = [
        {"name": f"x{i}", "shape": [size], "datatype": "UINT8", "parameters": {"binary_data_size": size}}
        for i, size in enumerate(sizes)
    ]
    return {"inputs": inputs}


def test_json_data_becomes_tensors() -> None:
    request, wanted = _read({"id": "7", "inputs": [INPUT]})
    assert (request.id, request.model, request.outputs) == ("7", ModelRef("m"), ())
    assert to_array(request.inputs[0]).tolist() == [1, 2]
    assert wanted == Wanted("7", False, {})


def test_a_long_body_is_read_as_a_short_one() -> None:
    numbers = {**INPUT, "shape": [100_000], "data": list(range(100_000))}
    texts = {"name": "t", "shape": [2], "datatype": "BYTES", "data": ['"data":[', "]"]}
    raw = {"name": "r", "shape": [1], "datatype": "UINT8", "parameters": {"binary_data_size": 1}}
    request, wanted = _read({"id": "a", "inputs": [numbers, texts, raw], "outputs": [{"name": "y"}]}, b"z")
    assert [bytes(tensor.data) for tensor in request.inputs] == [
        np.arange(100_000, dtype="<i4").tobytes(),
        b'\x08\x00\x00\x00"data":[\x01\x00\x00\x00]',
        b"z",
    ]
    assert (request.id, request.outputs, wanted.id) == ("a", ("y",), "a")


def test_a_number_in_a_long_body_stands_for_no_list() -> None:
    inputs = [{**INPUT, "shape": [100_000], "data": [1] * 100_000}, {**INPUT, "shape": [1], "data": 0}]
    assert _refusal({"inputs": inputs}) == "inputs[1].data: expected an array, got an integer"


def test_binary_tensors_are_cut_from_the_body_without_a_copy() -> None:
    request, _ = _read(_binary(2, 3), b"abcde")
    assert [bytes(tensor.data) for tensor in request.inputs] == [b"ab", b"cde"]
    assert all(isinstance(tensor.data, memoryview) for tensor in request.inputs)


def test_json_and_binary_inputs_may_be_mixed() -> None:
    body = {"inputs": [INPUT, *_binary(2)["inputs"], INPUT]}
    assert [len(tensor.data) for tensor in _read(body, b"ab")[0].inputs] == [8, 2, 8]


def test_parameters_make_the_context_and_the_rest_goes_to_the_model() -> None:
    body = {"inputs": [INPUT], "parameters": {"timeout": 5, "priority": 2, "mine": "x", "binary_data_output": True}}
    request, wanted = _read(body, trace=TRACE)
    assert (request.context.deadline_ns, request.context.priority, request.context.trace) == (6_000, 2, TRACE)
    assert request.context.protocol == "http"
    assert request.parameters == {"mine": "x"}
    assert wanted.binary


def test_the_header_names_a_request_before_its_body_does_and_is_not_echoed_in_the_body() -> None:
    request, wanted = _read({"inputs": [INPUT]}, request_id="h")
    assert (request.id, wanted.id) == ("h", None)
    request, wanted = _read({"id": "b", "inputs": [INPUT]}, request_id="h")
    assert (request.id, request.also, wanted.id) == ("h", "b", "b")
    assert _read({"id": "b", "inputs": [INPUT]})[0].id == "b"


def test_null_stands_for_what_is_not_given() -> None:
    body = {"id": None, "parameters": None, "outputs": None, "inputs": [INPUT | {"parameters": None}]}
    assert _read(body)[1] == Wanted(None, False, {})


def test_unknown_keys_are_ignored() -> None:
    assert _read({"inputs": [INPUT | {"colour": "red"}], "more": [1]})


def test_outputs_are_wanted_as_each_says_and_else_as_the_request_says() -> None:
    outputs = [{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}]
    request, wanted = _read({"inputs": [INPUT], "outputs": outputs, "parameters": {"binary_data_output": True}})
    assert request.outputs == ("a", "b")
    assert [wanted.outputs[name].binary for name in "ab"] == [True, False]


def test_a_classification_brings_the_labels_of_the_model() -> None:
    outputs = [{"name": "OUTPUT", "parameters": {"classification": 2}}]
    _, wanted = _read({"inputs": [INPUT], "outputs": outputs}, model="scores")
    assert wanted.outputs["OUTPUT"].classes == (2, ("cat", "dog", "cow"), True)


def test_a_raw_body_is_the_one_input_and_asks_for_everything_in_binary() -> None:
    request, wanted = _read(bytes(24), model="scores", json_bytes=0)
    assert (request.inputs[0].name, request.inputs[0].shape) == ("INPUT", (2, 3))
    assert wanted == Wanted(None, True, {})


def test_a_raw_body_needs_a_model_of_one_input() -> None:
    assert "add_sub' has 2" in _refusal(b"abcd", model="add_sub", json_bytes=0)
    with pytest.raises(ModelNotFound):
        _read(b"abcd", model="nothing", json_bytes=0)


def test_an_input_is_read_from_shared_memory(regions: Regions) -> None:
    place = {"shared_memory_region": "r", "shared_memory_byte_size": 2, "shared_memory_offset": 3}
    sent = {"name": "x", "shape": [2], "datatype": "UINT8", "parameters": place}
    request, _ = _read({"inputs": [sent]}, regions=regions)
    assert bytes(request.inputs[0].data) == b"\x03\x04"


def test_shared_memory_that_is_off_or_not_there_is_refused(regions: Regions) -> None:
    place = {"shared_memory_region": "q", "shared_memory_byte_size": 2}
    body = {"inputs": [{"name": "x", "shape": [2], "datatype": "UINT8", "parameters": place}]}
    with pytest.raises(Forbidden, match=r"protocols\.oip\.shared_memory"):
        _read(body)
    with pytest.raises(NotFound, match=r"inputs\[0\].*'q'"):
        _read(body, regions=regions)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"name": None}, "inputs[0].name: expected a string, got null"),
        ({"shape": [2.0]}, "inputs[0].shape[0]: expected an integer, got a number"),
        ({"shape": "2"}, "inputs[0].shape: expected an array, got a string"),
        ({"shape": [-2]}, "inputs[0].shape: [-2] has a negative dimension"),
        ({"datatype": "int32"}, "inputs[0].datatype: 'int32' is no datatype; they are BOOL"),
        ({"data": None}, "inputs[0].data: is missing; or binary_data_size or shared_memory_region"),
        ({"parameters": {"a": []}}, "inputs[0].parameters.a: expected"),
        ({"parameters": {"binary_data_size": -1}}, "inputs[0].parameters.binary_data_size: -1 is not an integer of 0"),
        ({"parameters": {"binary_data_size": True}}, "inputs[0].parameters.binary_data_size: True is not"),
        ({"parameters": {"binary_data_size": 0}}, "inputs[0].data: is sent twice"),
        ({"parameters": {"shared_memory_region": 5}}, "inputs[0].parameters.shared_memory_region: 5 is not a string"),
        ({"parameters": {"shared_memory_region": "r"}}, "inputs[0].parameters.shared_memory_byte_size: is missing"),
    ],
)
def test_a_wrong_input_is_refused_with_its_path(sent: dict[str, Any], message: str) -> None:
    assert _refusal({"inputs": [INPUT | sent]}).startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "inputs: is missing"),
        ({"inputs": [], "id": 5}, "id: expected a string or null, got an integer"),
        ({"inputs": [INPUT], "parameters": {"timeout": -5}}, "parameters.timeout: -5 is not an integer"),
        ({"inputs": [INPUT], "parameters": {"triton_x": 1}}, "parameters.triton_x: this name is reserved"),
        ({"inputs": [INPUT], "parameters": {"binary_data_output": 1}}, "parameters.binary_data_output: 1 is neither"),
        ({"inputs": [INPUT], "outputs": [{}]}, "outputs[0].name: is missing"),
        ({"inputs": [INPUT], "outputs": [{"name": "a"}] * 2}, "outputs[1].name: 'a' is asked for twice"),
        (
            {"inputs": [INPUT], "outputs": [{"name": "a", "parameters": {"binary_data": "yes"}}]},
            "outputs[0].parameters.binary_data: 'yes' is neither true nor false",
        ),
        (
            {"inputs": [INPUT], "outputs": [{"name": "a", "parameters": {"classification": 0}}]},
            "outputs[0].parameters.classification: 0 classes are asked for",
        ),
        (b"", "not JSON: it ends too early"),
        (b'{"x":' + b"[" * 99999, "the JSON is nested too deep"),
        (b'{"inputs":[{"data":' + b"[" * 99999, "the JSON is nested too deep"),
    ],
)
def test_a_wrong_request_is_refused_with_its_path(body: dict[str, Any] | bytes, message: str) -> None:
    assert _refusal(body).startswith(message)


def test_a_header_longer_than_the_body_is_refused() -> None:
    message = _refusal({"inputs": []}, json_bytes=999)
    assert message == "Inference-Header-Content-Length: 999 is more than the body's 14 bytes"


def test_sizes_that_do_not_add_up_are_refused() -> None:
    size = "inputs[1].parameters.binary_data_size"
    assert _refusal(_binary(2, 3), b"abcd") == f"{size}: 3 bytes are announced, 2 are left in the body"
    assert _refusal(_binary(2), b"abcd") == "4 bytes follow the JSON, the inputs' binary_data_size are 2 together"
    wrong = _binary(2)
    wrong["inputs"][0]["shape"] = [3]
    assert _refusal(wrong, b"ab") == "inputs[0]: shape [3] of UINT8 takes 3 bytes, 2 were sent"


# ---- answers


def _response(*outputs: Tensor) -> Response:
    return Response(ModelVersion("m", 3), outputs, BATCH)


def _wanted(model: str = "m", regions: Regions = NO_REGIONS, **body: Any) -> Wanted:
    return _read({"inputs": [INPUT], **body}, model=model, regions=regions)[1]


def _write(response: Response, wanted: Wanted, regions: Regions = NO_REGIONS) -> tuple[dict[str, Any], list[bytes]]:
    body: Body = write_response(response, wanted, regions)
    return json.loads(b"".join([body.json, *body.more])), [bytes(tensor) for tensor in body.tensors]


SUM = from_array("sum", np.array([[1, 2]], "i4"))


def test_an_answer_is_json_unless_asked_otherwise() -> None:
    assert _write(_response(SUM), _wanted(id="a")) == (
        {
            "model_name": "m",
            "model_version": "3",
            "id": "a",
            "outputs": [{"name": "sum", "datatype": "INT32", "shape": [1, 2], "data": [1, 2]}],
        },
        [],
    )


def test_a_long_answer_is_in_pieces_that_are_short() -> None:
    long = from_array("y", np.arange(100_000, dtype="i4"))
    texts = from_array("t", np.array([b"\0"] * 5000, object))
    body = write_response(_response(long, SUM, texts), _wanted(id="\0"), NO_REGIONS)
    assert max(map(len, body.more)) < 64 << 10
    outputs = json.loads(b"".join([body.json, *body.more]))["outputs"]
    assert [output["data"] for output in outputs] == [list(range(100_000)), [1, 2], ["\0"] * 5000]


def test_where_json_in_pieces_ends_is_told() -> None:
    outputs = [{"name": "y"}, {"name": "sum", "parameters": {"binary_data": True}}]
    body = write_response(_response(from_array("y", np.arange(9000)), SUM), _wanted(outputs=outputs), NO_REGIONS)
    size = len(b"".join([body.json, *body.more]))
    assert body.headers.endswith(b"inference-header-content-length: %d\r\n" % size)


def test_a_binary_answer_says_the_size_of_each_tensor() -> None:
    head, tensors = _write(_response(SUM, SUM), _wanted(parameters={"binary_data_output": True}))
    assert [output["parameters"] for output in head["outputs"]] == [{"binary_data_size": 8}] * 2
    assert "id" not in head
    assert tensors == [bytes(SUM.data)] * 2


def test_a_classified_output_is_bytes() -> None:
    outputs = [{"name": "OUTPUT", "parameters": {"classification": 1, "binary_data": True}}]
    scores = from_array("OUTPUT", np.array([[0.5, 0.25, 0]], "f4"))
    head, tensors = _write(_response(scores), _wanted("scores", outputs=outputs))
    assert (head["outputs"][0]["datatype"], head["outputs"][0]["shape"]) == ("BYTES", [1, 1])
    assert list(split_bytes(tensors[0])) == [b"0.500000:0:cat"]


def test_an_output_is_written_to_shared_memory_and_not_described_further(regions: Regions, tmp_path: Path) -> None:
    place = {"shared_memory_region": "r", "shared_memory_byte_size": 10, "shared_memory_offset": 4}
    wanted = _wanted(outputs=[{"name": "sum", "parameters": place}], regions=regions)
    head, tensors = _write(_response(SUM), wanted, regions)
    assert head["outputs"][0] == {"name": "sum", "datatype": SUM.datatype, "shape": list(SUM.shape)}
    assert (tmp_path / "file").read_bytes()[4:12] == bytes(SUM.data)
    assert tensors == []


def test_a_place_beyond_the_region_is_refused_before_the_model_runs(regions: Regions) -> None:
    place = {"shared_memory_region": "r", "shared_memory_byte_size": 65}
    with pytest.raises(InvalidRequest, match=r"outputs\[0\]\.parameters\.shared_memory_region"):
        _wanted(outputs=[{"name": "sum", "parameters": place}], regions=regions)


def test_nan_in_json_is_refused_with_advice() -> None:
    with pytest.raises(InvalidRequest, match=r"NaN or infinity.*ask for it with binary_data = true"):
        _write(_response(from_array("y", np.array([np.nan], "f4"))), _wanted())


@given(st.binary(max_size=300), st.one_of(st.none(), st.integers(0, 400)))
def test_any_bytes_are_read_or_refused(body: bytes, json_bytes: int | None) -> None:
    try:
        head = Head(ModelRef("scores"), json_bytes=json_bytes)
        read_request(head, memoryview(body), head.context(0), REGISTRY, NO_REGIONS, Templates())
    except HeadraceError as refusal:
        assert refusal.code != "internal"


VALID = json.dumps(
    {
        "id": "1",
        "parameters": {"timeout": 10, "priority": 1},
        "inputs": [
            {"name": "x", "shape": [2], "datatype": "UINT8", "parameters": {"binary_data_size": 2}},
            {"name": "y", "shape": [1, 2], "datatype": "FP32", "data": [[1.5, -2]]},
        ],
        "outputs": [{"name": "z", "parameters": {"classification": 2, "binary_data": True}}],
    }
).encode()


@given(st.data())
def test_a_valid_request_with_any_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(VALID + b"ab")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        body = body or bytearray(b" ")
    try:
        head = Head(ModelRef("scores"), json_bytes=len(VALID))
        read_request(head, memoryview(body), head.context(0), REGISTRY, NO_REGIONS, Templates())
    except HeadraceError as refusal:
        assert refusal.code != "internal"


JSON_ONLY = json.dumps(
    {
        "id": '"data":[',
        "inputs": [
            {"name": "x", "shape": [2, 3], "datatype": "INT32", "data": [[1, 2, 3], [4, 5, 6]]},
            {"name": "y", "data": ['a"],', "\\", "\u00e9\U0001f600", ""], "datatype": "BYTES", "shape": [4]},
            {"datatype": "FP64", "data": [0, 1.5, -2], "name": "z", "shape": [3]},
        ],
    }
).encode()


def _taken(body: bytes) -> tuple[Tensor, ...] | None:
    try:
        return _read(body)[0].inputs
    except HeadraceError:
        return None


@given(st.data())
def test_what_is_taken_of_a_long_body_is_what_is_taken_of_a_short_one(data: st.DataObject) -> None:
    body = bytearray(JSON_ONLY)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.text('[]{},":\\ 1e.-', max_size=2)).encode()
    short = _taken(bytes(body))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rest.LONG_BYTES", "tensors.LONG_BYTES", "tensors._LONG_BYTES"):
            patch.setattr(f"headrace.protocols.oip.{name}", -1)
        assert _taken(bytes(body)) == short
