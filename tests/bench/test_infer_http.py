"""Bytes of an inference over HTTP."""

import msgspec

from headrace.bench.address import Address
from headrace.bench.infer_http import infer_request, model_path, request_head
from headrace.types import Tensor

ADDRESS = Address("host", 8000, prefix="/a")


def test_a_request_says_where_its_tensors_lie() -> None:
    tensors = [Tensor("x", "FP32", (1, 2), bytes(8)), Tensor("y", "INT8", (1, 1), b"\x07")]
    request = infer_request(ADDRESS, model_path("m", "2"), tensors, {"X-Tenant": "blue"})
    head, _, content = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a/v2/models/m/versions/2/infer HTTP/1.1"
    fields = dict(line.split(": ") for line in lines[1:])
    assert int(fields["content-length"]) == len(content)
    described = int(fields["inference-header-content-length"])
    assert [each["parameters"] for each in msgspec.json.decode(content[:described])["inputs"]] == [
        {"binary_data_size": 8},
        {"binary_data_size": 1},
    ]
    assert content[described:] == bytes(8) + b"\x07"
    assert (fields["x-tenant"], fields["host"]) == ("blue", "host:8000")


def test_a_header_that_is_given_wins() -> None:
    assert b"host: other\r\n" in request_head(ADDRESS, "GET", "/", {"Host": "other"}, 0)


def test_a_name_is_quoted() -> None:
    assert model_path("a/b c", None) == "/v2/models/a%2Fb%20c"
