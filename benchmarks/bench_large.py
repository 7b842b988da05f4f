"""Large tensors: what a request of 24 MB costs the server and its worker, and what another client's small ones wait.

    python -m benchmarks.bench_large [--rows 40] [--seconds 5] [--rounds 3]

The model computes nothing: all that is measured is the way of the bytes, in (an input of that size) and out (an
output), over HTTP and gRPC, one request at a time. It is told in milliseconds of the processes' time a request, and in
copies: how many times the bytes could be copied meanwhile, from memory to memory that is there.
"""

import argparse
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton

from benchmarks.bench_deadlines import loaded
from benchmarks.results import keep, spread
from benchmarks.server import Address, children, cpu_ns, headrace

WIDTH = 150_528  # numbers of a row: an image of 224 x 224
MODEL = """[[inputs]]
name = "x"
datatype = "FP32"
shape = [-1, {0}]
[[outputs]]
name = "y"
datatype = "FP32"
shape = [-1, {1}]
value = "zeros"
"""
SIZES = {"in": (WIDTH, 1), "out": (1, WIDTH), "small": (1, 1)}
SMALL_RATE = 200  # requests a second of the other client

Ask = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    copy_ms = copying_ms(arguments.rows * WIDTH * 4)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, sizes in SIZES.items():
            (Path(folder) / name / "1").mkdir(parents=True)
            (Path(folder) / name / "1" / "model.fake").write_text(MODEL.format(*sizes))
        with headrace(Path(folder)) as address:
            for _ in range(arguments.rounds):
                for model in ("in", "out"):
                    for protocol, made in (("http", over_http), ("grpc", over_grpc)):
                        ask = made(address, model, arguments.rows)
                        for what, value in measured(address, ask, arguments.seconds).items():
                            found.setdefault(f"{model} over {protocol}: {what}", []).append(value)
    figures: dict[str, object] = {name: spread(values) for name, values in found.items()}
    copies = {
        name.replace("ms of the server's", "copies in the server's"): round(statistics.median(values) / copy_ms, 1)
        for name, values in found.items()
        if "ms of the server's" in name
    }
    size_mb = round(arguments.rows * WIDTH * 4 / 1e6, 1)
    keep("large", {"MB": size_mb, "ms a copy": round(copy_ms, 2), **figures, **copies})


def copying_ms(num_bytes: int) -> float:
    """Of so many bytes, to memory that is there."""
    source, target = np.ones(num_bytes, np.uint8), np.ones(num_bytes, np.uint8)
    took = []
    for _ in range(15):
        begin = time.perf_counter()
        np.copyto(target, source)
        took.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(took)


def over_http(address: Address, model: str, rows: int) -> Ask:
    """One inference, again and again on one connection; a large answer is read, not kept."""
    data = np.ones((rows, SIZES[model][0]), np.float32).tobytes()
    shape = [rows, SIZES[model][0]]
    tensor = {"name": "x", "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    host, _, port = address.http.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port))
    memory = memoryview(bytearray(rows * SIZES[model][1] * 4 + 4096))
    body, headers = head + data, {"Inference-Header-Content-Length": str(len(head))}

    def ask() -> None:
        connection.request("POST", f"/v2/models/{model}/infer", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        while answer.readinto(memory):
            pass

    return ask


def over_grpc(address: Address, model: str, rows: int) -> Ask:
    client = triton.InferenceServerClient(address.grpc)
    array = np.ones((rows, SIZES[model][0]), np.float32)
    tensor = triton.InferInput("x", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return lambda: client.infer(model, [tensor])


def measured(address: Address, ask: Ask, seconds: float) -> dict[str, float]:
    """Of one client's large requests, and of another's small ones beside them."""
    for _ in range(3):
        ask()
    processes = (address.pid, *children(address.pid))
    before, count, until = sum(map(cpu_ns, processes)), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        ask()
        count += 1
    spent_ms = (sum(map(cpu_ns, processes)) - before) / 1e6 / count
    said = ("--rate", str(SMALL_RATE), "--duration", str(seconds))
    with ThreadPoolExecutor(1) as beside:
        small = beside.submit(lambda: loaded(address, "small", *said)[0])
        while not small.done():
            ask()
    return {
        "ms of the server's time": spent_ms,
        "requests/s": count / seconds,
        "ms a small one beside it, p50": small.result()["p50_ms"],
        "ms a small one beside it, p99": small.result()["p99_ms"],
    }


if __name__ == "__main__":
    main()
