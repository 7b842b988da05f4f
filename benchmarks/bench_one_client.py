"""MiniLM, 64 tokens, one client that asks again at once: what the server adds to a bare call of the runtime.

    python -m benchmarks.bench_one_client [--blocks 20] [--seconds 0.7]

Bare, HTTP and gRPC take turns in short blocks, all of them alive the whole time, and each block is held against the
bare ones before and after it: the machine's slow moments come to both. gRPC is asked by Triton's client, and by one
that sends frames that are ready, as HTTP's does: between the two lies what the threads of a client's library take.
"""

import argparse
import itertools
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tritonclient.grpc

from benchmarks.bare_loop import bare
from benchmarks.results import keep, spread
from benchmarks.server import headrace, only, wait_joined
from headrace.generated import service_pb2 as pb
from headrace.protocols.grpc.messages import PREFIX
from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.header_blocks import literal

MODEL = Path("models/minilm")
NAMES = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"
SHAPE = (1, 64)
INFER = b"/inference.GRPCInferenceService/ModelInfer"
Call = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.7)
    arguments = parser.parse_args()
    bare_ms, over_ms = list[float](), dict[str, list[float]]()
    with ExitStack() as stack:
        repository = stack.enter_context(only("minilm"))
        address = stack.enter_context(headrace(repository))
        wait_joined(address.http, "minilm")
        ask_bare = stack.enter_context(bare(MODEL, 1))
        calls = {
            "http": over_http(address.http),
            "grpc": over_grpc(address.grpc),
            "grpc, frames": over_frames(address.grpc),
        }
        for call in calls.values():
            block(call, 0.5)
        before = ask_bare(arguments.seconds).p50_ms
        for _ in range(arguments.blocks):
            for protocol, call in calls.items():
                served = block(call, arguments.seconds)
                after = ask_bare(arguments.seconds).p50_ms
                over_ms.setdefault(protocol, []).append(served - (before + after) / 2)
                bare_ms.append(after)
                before = after
            print({name: round(values[-1], 2) for name, values in over_ms.items()}, file=sys.stderr)
    over = {f"{protocol} - bare, p50 ms": spread(values) for protocol, values in over_ms.items()}
    keep("one_client", {"bare p50 ms": spread(bare_ms), **over})


def block(call: Call, seconds: float) -> float:
    """Milliseconds of the median call of a while."""
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def over_http(address: str) -> Call:
    """Bytes that are ready, over one connection."""
    host, _, port = address.partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rows = np.zeros(SHAPE, np.int64).tobytes()
    inputs = [
        {"name": name, "shape": SHAPE, "datatype": "INT64", "parameters": {"binary_data_size": len(rows)}}
        for name in NAMES
    ]
    outputs = [{"name": OUTPUT, "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": inputs, "outputs": outputs}).encode()
    body = head + len(NAMES) * rows
    lines = (
        "POST /v2/models/minilm/infer HTTP/1.1",
        f"Host: {address}",
        f"Inference-Header-Content-Length: {len(head)}",
        f"Content-Length: {len(body)}",
    )
    asked = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    memory = memoryview(bytearray(1 << 20))

    def call() -> None:
        connection.sendall(asked)
        received = connection.recv_into(memory)
        said, _, _ = bytes(memory[:received]).partition(b"\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 200 "), said
        length = int(said.lower().partition(b"\r\ncontent-length: ")[2].split(b"\r\n")[0])
        while received < len(said) + 4 + length:
            received += connection.recv_into(memory[received:])

    return call


def over_frames(address: str) -> Call:
    """gRPC without a library: bytes that are ready, over one connection."""
    host, _, port = address.partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wide = frames.settings({codes.INITIAL_WINDOW_SIZE: 1 << 30, codes.MAX_FRAME_SIZE: 1 << 20})
    connection.sendall(codes.PREFACE + wide + frames.window_update(0, 1 << 30))  # enough for ten thousand answers
    message = pb.ModelInferRequest(
        model_name="minilm",
        inputs=[pb.ModelInferRequest.InferInputTensor(name=name, datatype="INT64", shape=SHAPE) for name in NAMES],
        outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name=OUTPUT)],
        raw_input_contents=[np.zeros(SHAPE, np.int64).tobytes() for _ in NAMES],
    ).SerializeToString()
    headers = {b":method": b"POST", b":scheme": b"http", b":path": INFER, b"content-type": b"application/grpc"}
    head = b"".join(literal(*header) for header in headers.items())
    body = PREFIX.pack(0, len(message)) + message
    numbers = itertools.count(1, 2)
    memory = memoryview(bytearray(1 << 20))

    def call() -> None:
        number = next(numbers)
        opening = frames.frame(codes.HEADERS, codes.END_HEADERS, number, head)
        connection.sendall(opening + frames.frame(codes.DATA, codes.END_STREAM, number, body))
        received = at = ended = 0
        while not ended:
            received += connection.recv_into(memory[received:])
            while not ended and received - at >= frames.HEAD.size:
                high, low, kind, flags, _ = frames.HEAD.unpack_from(memory, at)
                after = at + frames.HEAD.size + (high << 8 | low)
                if after > received:
                    break
                ended = kind == codes.HEADERS and flags & codes.END_STREAM
                at = after

    return call


def over_grpc(address: str) -> Call:
    """Triton's own client."""
    client = tritonclient.grpc.InferenceServerClient(address)
    inputs = [tritonclient.grpc.InferInput(name, SHAPE, "INT64") for name in NAMES]
    for one in inputs:
        one.set_data_from_numpy(np.zeros(SHAPE, np.int64))
    outputs = [tritonclient.grpc.InferRequestedOutput(OUTPUT)]

    def call() -> None:
        client.infer("minilm", inputs, outputs=outputs)

    return call


if __name__ == "__main__":
    main()
