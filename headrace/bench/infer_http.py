"""Inferences of the Open Inference Protocol over HTTP, binary tensors, as bytes ready to be sent."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from headrace.bench.address import Address
from headrace.types import Tensor

Headers = Mapping[str, str]


def model_path(model: str, version: str | None) -> str:
    """Of a model, or of one version of it."""
    path = f"/v2/models/{quote(model, safe='')}"
    return f"{path}/versions/{quote(version, safe='')}" if version else path


def request_head(address: Address, method: str, path: str, headers: Headers, length: int) -> bytes:
    """A head, with the line that ends it. A header that is given wins over those made here."""
    lines = {"host": address.netloc, "content-length": str(length)} if method == "POST" else {"host": address.netloc}
    lines |= {name.lower(): value for name, value in headers.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {address.prefix}{path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def infer_request(address: Address, path: str, tensors: Sequence[Tensor], headers: Headers) -> bytes:
    """A whole inference; every output is asked for in binary."""
    inputs = [
        {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.shape,
            "parameters": {"binary_data_size": len(tensor.data)},
        }
        for tensor in tensors
    ]
    described = msgspec.json.encode({"inputs": inputs, "parameters": {"binary_data_output": True}})
    content = described + b"".join(tensor.data for tensor in tensors)
    own = {"inference-header-content-length": str(len(described)), "content-type": "application/octet-stream"}
    return request_head(address, "POST", f"{path}/infer", own | dict(headers), len(content)) + content
