"""Inference requests for the stub's models, and a server to send them to."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.protocols.oip.http_server import Wire, connected, serving
from tests.protocols.oip.stub import Stub, numbers

LATE = "/v2/models/late/infer"
ADD_SUB = "/v2/models/add_sub/infer"


def floats(*values: float) -> bytes:
    return json.dumps(
        {"inputs": [{"name": "INPUT", "shape": [len(values)], "datatype": "FP32", "data": values}]}
    ).encode()


def add_sub_json() -> bytes:
    inputs = [
        {"name": f"INPUT{i}", "shape": [1, 16], "datatype": "INT32", "data": array.ravel().tolist()}
        for i, array in enumerate(numbers())
    ]
    return json.dumps({"inputs": inputs}).encode()


def add_sub_binary() -> tuple[bytes, int]:
    inputs = [
        {"name": f"INPUT{i}", "shape": [1, 16], "datatype": "INT32", "parameters": {"binary_data_size": 64}}
        for i in (0, 1)
    ]
    head = json.dumps({"id": "b", "inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return head + b"".join(array.tobytes() for array in numbers()), len(head)


@asynccontextmanager
async def server(stub: Stub | None = None, **options: Any) -> AsyncIterator[tuple[Stub, Wire]]:
    stub = stub or Stub()
    async with serving(stub, **options) as (port, _), connected(port) as wire:
        yield stub, wire
