"""The command line's client: what it sends, and what it makes of answers."""

import json

import numpy as np
import pytest

from headrace.arrays import join_bytes
from headrace.cli.client import Client, parse_answer, request_body, tensor_of
from headrace.cli.failure import Failure
from headrace.types import FREE, TensorSpec
from tests.cli.conftest import Answer, Serve


def _ask(url: str) -> None:
    Client(url, 5).inputs("m", None)


def test_tensors_are_sent_binary_behind_their_sizes() -> None:
    tensor = tensor_of(TensorSpec("x", "INT16", (FREE,)), np.array([1, 2], dtype=np.int16))
    head, tensors = request_body([tensor], ["y"])
    asked = json.loads(head)
    assert asked["inputs"] == [{"name": "x", "datatype": "INT16", "shape": [2], "parameters": {"binary_data_size": 4}}]
    assert asked["outputs"] == [{"name": "y", "parameters": {"binary_data": True}}]
    assert tensors == b"\1\0\2\0"


def test_binary_outputs_are_taken_in_their_order() -> None:
    outputs = [
        {"name": "a", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": 2}},
        {"name": "b", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 6}},
    ]
    head = json.dumps({"outputs": outputs}).encode()
    first, second = parse_answer(head + b"\1\2" + join_bytes([b"hi"]), len(head)).outputs
    assert (first.array.tolist(), second.array.tolist()) == ([1, 2], [b"hi"])


def test_json_outputs_are_taken_too() -> None:
    outputs = [
        {"name": "a", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]},
        {"name": "b", "datatype": "BYTES", "shape": [1], "data": ["hi"]},
    ]
    first, second = parse_answer(json.dumps({"outputs": outputs}).encode(), None).outputs
    assert (first.array.tolist(), second.array.tolist()) == ([[1, 2]], [b"hi"])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"outputs": 3}',
        b'{"outputs": [{"name": "a", "datatype": "FP33", "shape": [1], "data": [1]}]}',
        b'{"outputs": [{"name": "a", "datatype": "FP32", "shape": [2], "data": [1]}]}',
    ],
)
def test_an_answer_that_is_none_is_a_failure(body: bytes) -> None:
    with pytest.raises(Failure, match="the server's answer is not"):
        parse_answer(body, None)


def test_names_are_quoted_and_the_path_of_the_url_is_kept(serve: Serve) -> None:
    paths: list[str] = []

    def answers(path: str, headers: dict[str, str], body: bytes) -> Answer:
        paths.append(path)
        return 200, {}, b'{"inputs": []}'

    Client(serve(answers) + "/behind/", 5).inputs("a/b c", "2")
    assert paths == ["/behind/v2/models/a%2Fb%20c/versions/2"]


def test_a_servers_error_is_told_with_its_status(serve: Serve) -> None:
    url = serve(lambda path, headers, body: (404, {}, b'{"error": "no model m"}'))
    with pytest.raises(Failure, match="the server answered 404: no model m"):
        _ask(url)


def test_an_error_that_is_not_json_is_told_as_it_is(serve: Serve) -> None:
    with pytest.raises(Failure, match="the server answered 502: bad gateway"):
        _ask(serve(lambda path, headers, body: (502, {}, b"bad gateway\n")))
