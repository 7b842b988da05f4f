"""Every kind of bad input to a real server: an error that names the field, nothing lost, the server stays up."""

import gzip
import json
import struct
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from tests.e2e.attack import Refused, Target, message, request_bytes, row, tensor
from tests.e2e.conftest import MAX_BODY_BYTES

pytestmark = pytest.mark.slow

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
TRAVERSALS = (
    "..",
    "%2e%2e",
    "..%2f..%2fetc",
    "..%2Frows",
    "rows%2f..%2frows",
    "%00",
    "rows%00",
    "a" * 5000,
    "%ff",
    ".",
    "~",
)


@pytest.fixture(autouse=True)
def _still_serves(target: Target) -> Iterator[None]:
    yield
    assert target.serves()


JSON_CASES: list[tuple[str, dict[str, Any], int, str]] = [
    ("missing input", {"inputs": []}, 400, "inputs"),
    ("no inputs", {}, 400, "inputs"),
    ("extra input", {"inputs": [row(), row(name="z")]}, 400, "inputs[1].name"),
    ("input twice", {"inputs": [row(), row()]}, 400, "inputs[1].name"),
    ("no name", {"inputs": [row(name=None)]}, 400, "inputs[0].name"),
    ("no shape", {"inputs": [row(shape=None)]}, 400, "inputs[0].shape"),
    ("no datatype", {"inputs": [row(datatype=None)]}, 400, "inputs[0].datatype"),
    ("no data", {"inputs": [row(data=None)]}, 400, "inputs[0].data"),
    ("another datatype", {"inputs": [row(datatype="INT64")]}, 400, "inputs[0].datatype"),
    ("no such datatype", {"inputs": [row(datatype="FLOAT")]}, 400, "inputs[0].datatype"),
    ("rank", {"inputs": [row(shape=[2])]}, 400, "inputs[0].shape"),
    ("no rank", {"inputs": [row(shape=[], data=[1])]}, 400, "inputs[0].shape"),
    ("size", {"inputs": [row(shape=[1, 3], data=[1, 2, 3])]}, 400, "inputs[0].shape"),
    ("too little data", {"inputs": [row(data=[1])]}, 400, "inputs[0].data"),
    ("too much data", {"inputs": [row(data=[1, 2, 3])]}, 400, "inputs[0].data"),
    ("negative", {"inputs": [row(shape=[-1, 2])]}, 400, "inputs[0].shape"),
    ("two negatives", {"inputs": [row(shape=[-1, -2])]}, 400, "inputs[0].shape"),
    ("no rows", {"inputs": [row(shape=[0, 2], data=[])]}, 400, "inputs[0].shape"),
    ("too many rows", {"inputs": [row(shape=[16_385, 2], data=[0] * 32_770)]}, 400, "16,384"),
    ("billion rows", {"inputs": [row(shape=[10**9, 2])]}, 400, "inputs[0]"),
    ("overflow", {"inputs": [row(shape=[2**62, 2**62])]}, 400, "inputs[0].shape"),
    ("overflow to zero", {"inputs": [row(shape=[2**32, 2**32, 2])]}, 400, "inputs[0].shape"),
    ("dimension of text", {"inputs": [row(shape=["1", 2])]}, 400, "inputs[0].shape[0]"),
    ("dimension with a point", {"inputs": [row(shape=[1.5, 2])]}, 400, "inputs[0].shape[0]"),
    ("dimension over 64 bits", {"inputs": [row(shape=[2**70, 2])]}, 400, "inputs[0].shape"),
    ("rank of a thousand", {"inputs": [row(shape=[1] * 1000)]}, 400, "inputs[0].shape"),
    ("text for numbers", {"inputs": [row(data=["a", "b"])]}, 400, "inputs[0].data[0]"),
    ("null for a number", {"inputs": [row(data=[None, 1])]}, 400, "inputs[0].data[0]"),
    ("out of FP32", {"inputs": [row(data=[1e300, 1])]}, 400, "inputs[0].data"),
    ("nested otherwise", {"inputs": [row(data=[[1], [2]])]}, 400, "inputs[0].data"),
    ("nested deeper", {"inputs": [row(data=[[[1, 2]]])]}, 400, "inputs[0].data"),
    ("unknown output", {"inputs": [row()], "outputs": [{"name": "z"}]}, 400, "outputs[0].name"),
    ("output twice", {"inputs": [row()], "outputs": [{"name": "y"}] * 2}, 400, "outputs[1].name"),
    ("classes of text", {"inputs": [row()], "outputs": [{"name": "y", "parameters": {"classification": "x"}}]}, 400,
     "outputs[0].parameters.classification"),
    ("negative classes", {"inputs": [row()], "outputs": [{"name": "y", "parameters": {"classification": -1}}]}, 400,
     "outputs[0].parameters.classification"),
    ("timeout of text", {"inputs": [row()], "parameters": {"timeout": "soon"}}, 400, "parameters.timeout"),
    ("parameters in a list", {"inputs": [row()], "parameters": []}, 400, "parameters"),
    ("a parameter that is an object", {"inputs": [row()], "parameters": {"a": {}}}, 400, "parameters"),
    ("an id that is a number", {"inputs": [row()], "id": 5}, 400, "id"),
    ("binary data that is not there",
     {"inputs": [row(data=None, parameters={"binary_data_size": 8})]}, 400, "inputs[0].parameters.binary_data_size"),
    ("negative binary size",
     {"inputs": [row(data=None, parameters={"binary_data_size": -8})]}, 400, "inputs[0].parameters.binary_data_size"),
    ("region that is none",
     {"inputs": [row(data=None, parameters={"shared_memory_region": "r", "shared_memory_byte_size": 8})]}, 404,
     "inputs[0].parameters.shared_memory_region"),
]  # fmt: skip


@pytest.mark.parametrize("case", JSON_CASES, ids=[name for name, *_ in JSON_CASES])
def test_json_that_is_wrong_is_refused_by_the_path_of_the_field(
    target: Target, case: tuple[str, dict[str, Any], int, str]
) -> None:
    _, body, status, where = case
    answer = target.post("/v2/models/rows/infer", body)
    assert (answer.status, where in answer.error) == (status, True), answer.body


@pytest.mark.parametrize("value", [2**40, 2**31, -(2**31) - 1, 2**64, 10**400, 1.5, True])
def test_an_integer_that_does_not_fit_is_refused_with_its_place(target: Target, value: float) -> None:
    good = {"name": "a", "shape": [1, 4], "datatype": "INT32", "data": [1, 2, 3, 4]}
    answer = target.infer("pair", good, {**good, "name": "b", "data": [1, 2, 3, value]})
    assert (answer.status, "inputs[1].data" in answer.error) == (400, True), answer.body


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "JSON"),
        (b"nonsense", "JSON"),
        (b"[" * 100_000, "expected an object"),
        (b'{"inputs":' * 50_000, ""),
        (b'{"inputs": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
        (b'{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [NaN, 1]}]}', "JSON"),
        (b'{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, Infinity]}]}', "JSON"),
        (b'{"inputs": [{"name": "\xff\xfe", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}', "UTF-8"),
        (b'{"inputs": [{"name": "\\ud800", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}', ""),
        (b'{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": ' + b"[" * 60_000, "JSON"),
        (b"\0" * 64, "JSON"),
        (b"null", ""),
        (b"[]", ""),
    ],
)
def test_a_body_that_is_not_the_json_it_should_be_is_refused(target: Target, body: bytes, says: str) -> None:
    answer = target.ask("POST", "/v2/models/rows/infer", body)
    assert (answer.status, says in answer.error) == (400, True), answer.body


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v2/models/nobody/infer", "nobody"),
        ("/v2/models/rows/versions/9/infer", "9"),
        ("/v2/models/rows/versions/99999999999999999999/infer", "version"),
        ("/v2/models/rows/versions/-1/infer", "-1"),
        ("/v2/models/rows/versions/one/infer", "one"),
        ("/v2/models//infer", ""),
    ],
)
def test_an_unknown_model_or_version_is_not_found(target: Target, path: str, says: str) -> None:
    answer = target.post(path, {"inputs": [row()]})
    assert answer.status in (400, 404)
    assert says in answer.error


@pytest.mark.parametrize("name", TRAVERSALS)
@pytest.mark.parametrize("path", ["models/%s/infer", "repository/models/%s/load", "repository/models/%s/unload"])
def test_a_name_that_leads_elsewhere_over_http_leads_nowhere(target: Target, path: str, name: str) -> None:
    sent = request_bytes("/v2/" + path % name, b'{"inputs": []}', "Connection: close")
    answer = target.send(sent)
    assert answer.split(b" ", 2)[1] in (b"400", b"404"), answer


@pytest.mark.parametrize("name", ["..", "../rows", "/etc", "rows/../rows", "rows/1", "\0", ".", "", "a" * 5000])
def test_a_name_that_leads_elsewhere_over_grpc_leads_nowhere(target: Target, name: str) -> None:
    calls = [
        ("RepositoryModelLoad", pb.RepositoryModelLoadRequest(model_name=name), pb.RepositoryModelLoadResponse),
        ("RepositoryModelUnload", pb.RepositoryModelUnloadRequest(model_name=name), pb.RepositoryModelUnloadResponse),
        ("ModelInfer", message(name), pb.ModelInferResponse),
    ]
    for method, sent, kind in calls:
        answer = target.call(method, sent, kind)
        assert isinstance(answer, Refused)
        assert answer.code in (NOT_FOUND, INVALID), answer


def _binary(*parts: bytes, size: int, header: int | str | None = None, datatype: str = "FP32") -> bytes:
    one = {"name": "x", "shape": [1, 2], "datatype": datatype, "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [one]}).encode()
    body = head + b"".join(parts)
    model = "strings" if datatype == "BYTES" else "rows"
    length = len(head) if header is None else header
    return request_bytes(
        f"/v2/models/{model}/infer", body, f"Inference-Header-Content-Length: {length}",
        f"Content-Length: {len(body)}", "Connection: close",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        (_binary(bytes(8), size=8, header=10**6), b"Inference-Header-Content-Length"),
        (_binary(bytes(8), size=8, header=-1), b"Inference-Header-Content-Length"),
        (_binary(bytes(8), size=8, header="ten"), b"Inference-Header-Content-Length"),
        (_binary(bytes(8), size=8, header=10**30), b"Inference-Header-Content-Length"),
        (_binary(bytes(8), size=8, header=5), b"JSON"),
        (_binary(bytes(7), size=8), b"inputs[0].parameters.binary_data_size"),
        (_binary(bytes(9), size=8), b"9 bytes follow"),
        (_binary(bytes(12), size=12), b"inputs[0]"),
        (_binary(bytes(8), size=2**62), b"inputs[0].parameters.binary_data_size"),
        (_binary(struct.pack("<I", 2**31) + b"ab", size=6, datatype="BYTES"), b"inputs[0]"),
        (_binary(struct.pack("<I", 2) + b"ab", size=6, datatype="BYTES"), b"inputs[0]"),
        (_binary(b"\xff" * 8, size=8, datatype="BYTES"), b"inputs[0]"),
    ],
)
def test_binary_sizes_that_do_not_add_up_are_refused(target: Target, sent: bytes, where: bytes) -> None:
    answer = target.send(sent)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert where in answer


def test_fp16_in_json_is_refused_with_the_way_that_works(target: Target) -> None:
    answer = target.infer("half", row(datatype="FP16"))
    assert (answer.status, "binary" in answer.error) == (400, True)


def test_a_body_over_the_limit_is_refused_before_it_is_sent(target: Target) -> None:
    sent = request_bytes("/v2/models/rows/infer", b"", f"Content-Length: {10**12}")
    assert target.send(sent).startswith(b"HTTP/1.1 413")
    chunk = b"%x\r\n%b\r\n" % (1 << 16, bytes(1 << 16))
    chunks = [chunk] * (MAX_BODY_BYTES // (1 << 16) + 2)
    sent = request_bytes("/v2/models/rows/infer", b"", "Transfer-Encoding: chunked")
    assert target.send(sent, *chunks).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", ["/v2/models/rows/infer", "/v2/repository/index", "/v2/logging"])
def test_a_gzip_bomb_is_refused(target: Target, path: str) -> None:
    bomb = gzip.compress(bytes(200 << 20), 9)
    answer = target.ask("POST", path, bomb, {"Content-Encoding": "gzip"})
    assert (answer.status, "decompressed" in answer.error) == (413, True)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip", "deflate"])
def test_a_body_that_is_not_in_its_encoding_is_refused(target: Target, encoding: str) -> None:
    answer = target.ask(
        "POST", "/v2/models/rows/infer", json.dumps({"inputs": [row()]}), {"Content-Encoding": encoding}
    )
    assert answer.status == 400


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v2/models/rows/infer"), ("DELETE", "/v2"), ("POST", "/metrics")]
)
def test_a_wrong_method_is_refused_with_the_right_one(target: Target, method: str, path: str) -> None:
    answer = target.ask(method, path)
    assert (answer.status, bool(answer.headers["allow"])) == (405, True)


@pytest.mark.parametrize("lines", [["X: " + "a" * 70_000], [f"X-{i}: {i:040}" for i in range(2000)]])
@pytest.mark.parametrize("path", ["/v2/models/rows/infer", "/v2"])
def test_a_header_block_over_its_limit_is_refused(target: Target, path: str, lines: list[str]) -> None:
    assert target.send(request_bytes(path, b"", *lines)).startswith(b"HTTP/1.1 431")


# ---- gRPC

X = tensor("x", "FP32", (1, 2), fp32_contents=[1, 2])
BARE = tensor("x", "FP32", (1, 2))
GRPC_CASES: list[tuple[str, pb.ModelInferRequest, grpc.StatusCode, str]] = [
    ("unknown model", message("nobody", X), NOT_FOUND, "nobody"),
    ("unknown version", message("rows", X, model_version="9"), NOT_FOUND, "9"),
    ("version of text", message("rows", X, model_version="one"), NOT_FOUND, "one"),
    ("missing input", message("rows"), INVALID, "inputs"),
    ("extra input", message("rows", X, tensor("z", "FP32", (1, 2), fp32_contents=[1, 2])), INVALID, "inputs[1].name"),
    ("input twice", message("rows", X, X), INVALID, "inputs[1].name"),
    ("datatype", message("rows", tensor("x", "INT32", (1, 2), int_contents=[1, 2])), INVALID, "inputs[0].datatype"),
    ("no datatype", message("rows", tensor("x", "", (1, 2))), INVALID, "inputs[0].datatype"),
    ("negative", message("rows", tensor("x", "FP32", (-1, 2), fp32_contents=[1, 2])), INVALID, "inputs[0].shape"),
    ("no rows", message("rows", tensor("x", "FP32", (0, 2))), INVALID, "inputs[0].shape"),
    ("overflow", message("rows", tensor("x", "FP32", (2**62, 4))), INVALID, "inputs[0].shape"),
    ("billion rows", message("rows", tensor("x", "FP32", (10**9, 2))), INVALID, "inputs[0]"),
    ("too little", message("rows", tensor("x", "FP32", (1, 2), fp32_contents=[1])), INVALID, "inputs[0].contents"),
    ("wrong field", message("rows", tensor("x", "FP32", (1, 2), fp64_contents=[1, 2])), INVALID, "inputs[0].contents"),
    ("mixed", message("rows", X, raw=(bytes(8),)), INVALID, "inputs[0].contents"),
    ("raw too short", message("rows", BARE, raw=(bytes(7),)), INVALID, "inputs[0]"),
    ("raw too many", message("rows", BARE, raw=(bytes(8), bytes(8))), INVALID, "raw_input_contents"),
    ("raw too few", message("pair", tensor("a", "INT32", (1, 4)), tensor("b", "INT32", (1, 4)), raw=(bytes(16),)),
     INVALID, "inputs[1]"),
    ("bytes beyond", message("strings", tensor("x", "BYTES", (1, 2)), raw=(struct.pack("<I", 2**31) + b"abcd",)),
     INVALID, "inputs[0]"),
    ("half typed", message("half", tensor("x", "FP16", (1, 2), fp32_contents=[1, 2])), INVALID, "inputs[0]"),
    ("unknown output", message("rows", X, outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="z")]),
     INVALID, "outputs[0].name"),
    ("a parameter without a value", message("rows", X, parameters={"a": pb.InferParameter()}), INVALID, "parameters.a"),
    ("timeout of text", message("rows", X, parameters={"timeout": pb.InferParameter(string_param="x")}), INVALID,
     "parameters.timeout"),
]  # fmt: skip


@pytest.mark.parametrize("case", GRPC_CASES, ids=[name for name, *_ in GRPC_CASES])
def test_a_message_that_is_wrong_is_refused_by_the_path_of_the_field(
    target: Target, case: tuple[str, pb.ModelInferRequest, grpc.StatusCode, str]
) -> None:
    _, sent, code, where = case
    answer = target.infer_grpc(sent)
    assert isinstance(answer, Refused)
    assert (answer.code, where in answer.error) == (code, True), answer


@pytest.mark.parametrize("sent", [b"\xff" * 20, b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\x2a\x7f"])
def test_bytes_that_are_no_message_are_the_clients_fault(target: Target, sent: bytes) -> None:
    answer = target.call("ModelInfer", sent, pb.ModelInferResponse)
    assert isinstance(answer, Refused)
    assert answer.code == INVALID
