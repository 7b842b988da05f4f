"""Clients that ask a running server for things: HTTP by hand down to the byte, and gRPC."""

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any

import grpc
import msgspec

from headrace.generated import service_pb2 as pb
from tests.program import Program

METHOD = "/inference.GRPCInferenceService/"
SECONDS = 30.0  # after which a client that waits fails the test


class Answer(msgspec.Struct, frozen=True):
    """What came back over HTTP; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        said: str = json.loads(self.body)["error"]
        return said


class Refused(msgspec.Struct, frozen=True):
    """What came back over gRPC in place of a message."""

    code: grpc.StatusCode
    error: str


class Target:
    """A server under attack."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pid = program.process.pid
        self.http = program.http
        self.grpc = program.told.split("gRPC on ")[1].split(";", maxsplit=1)[0]

    # ---- HTTP

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(self.http, timeout=SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def post(self, path: str, value: object) -> Answer:
        return self.ask("POST", path, json.dumps(value))

    def infer(self, model: str, *inputs: object, **more: object) -> Answer:
        return self.post(f"/v2/models/{model}/infer", {"inputs": inputs, **more})

    def connect(self) -> socket.socket:
        """A bare connection."""
        host, port = self.http.rsplit(":", 1)
        return socket.create_connection((host, int(port)), timeout=SECONDS)

    def send(self, *pieces: bytes) -> bytes:
        """What comes back for these bytes until the server closes; a client that is cut off has what came before."""
        with self.connect() as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except OSError:
                pass
            return received(connection)

    # ---- gRPC

    def call(self, method: str, message: Any, kind: Any, timeout_s: float = SECONDS) -> Any:
        """One call on a channel of its own: the answer, or how it was Refused."""
        with grpc.insecure_channel(self.grpc, options=[("grpc.max_receive_message_length", -1)]) as channel:
            ask = channel.unary_unary(METHOD + method, _bytes, kind.FromString)
            try:
                return ask(message, timeout=timeout_s)
            except grpc.RpcError as error:
                return Refused(error.code(), error.details() or "")

    def infer_grpc(self, message: pb.ModelInferRequest) -> Any:
        return self.call("ModelInfer", message, pb.ModelInferResponse)

    # ---- what it says of itself

    def index(self) -> dict[str, dict[str, str]]:
        """The line of each model; one with several has its last."""
        return {line["name"]: line for line in json.loads(self.ask("POST", "/v2/repository/index").body)}

    def metric(self, sample: str) -> float:
        """A sample of the metrics page by its name and labels as they stand there; 0 where it is not."""
        for line in self.ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def serves(self) -> bool:
        """Whether a right request still has its right answer, over both protocols."""
        over_http = self.infer("rows", ROW)
        over_grpc = self.infer_grpc(message("rows", tensor("x", "FP32", (1, 2), fp32_contents=[1, 2])))
        right = isinstance(over_grpc, pb.ModelInferResponse)
        return right and over_http.status == 200 and json.loads(over_http.body)["outputs"][0]["data"] == [1, 2]


ROW = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}


def received(connection: socket.socket) -> bytes:
    """Everything until the other side closes, or resets."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def row(**changes: object) -> dict[str, object]:
    """The input of `rows`, changed; None takes a field away."""
    return {name: value for name, value in {**ROW, **changes}.items() if value is not None}


def request_bytes(path: str, body: bytes, *lines: str, method: str = "POST") -> bytes:
    """A request as it goes over the wire, Content-Length included unless a line speaks of a length."""
    said = [*lines]
    if not any("length:" in line.lower() or "encoding:" in line.lower() for line in lines):
        said.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", "Host: x", *said))
    return head.encode("latin-1") + b"\r\n" + body


def tensor(name: str, datatype: str, shape: tuple[int, ...], **contents: Any) -> pb.ModelInferRequest.InferInputTensor:
    """An input with typed contents, if any are given."""
    made = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    for field, values in contents.items():
        getattr(made.contents, field).extend(values)
    return made


def message(
    model: str, *inputs: pb.ModelInferRequest.InferInputTensor, raw: tuple[bytes, ...] = (), **fields: Any
) -> pb.ModelInferRequest:
    return pb.ModelInferRequest(model_name=model, inputs=inputs, raw_input_contents=raw, **fields)


def _bytes(message: Any) -> bytes:
    sent: bytes = message if isinstance(message, bytes) else message.SerializeToString()
    return sent
