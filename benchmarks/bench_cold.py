"""From asking for MiniLM, which is not loaded, to its first answer: with workers forked and spawned, and bare.

    python -m benchmarks.bench_cold [--rounds 5]

Bare is a session of ONNX Runtime and its first run in a process that has imported it. The server has loaded the
model once before, as after any first start: what its runs take is known. Each round measures all three, one after the
other.
"""

import argparse
import http.client
import json
import subprocess
import sys
import time
from contextlib import ExitStack

from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace, only

TOKENS = [[101, 7592, 2088, 102]]
DATA = {"input_ids": TOKENS, "attention_mask": [[1] * 4], "token_type_ids": [[0] * 4]}
BARE = f"""
import os, time
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = len(os.sched_getaffinity(0))
started = time.perf_counter()
session = ort.InferenceSession("models/minilm/1/model.onnx", options, providers=["CPUExecutionProvider"])
tokens = np.array({TOKENS}, np.int64)
session.run(None, {{"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": tokens * 0}})
print(time.perf_counter() - started)
"""


def bare_s() -> float:
    return float(subprocess.check_output([sys.executable, "-c", BARE]))


def post(address: Address, path: str, body: object) -> None:
    connection = http.client.HTTPConnection(address.http, timeout=60)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status != 200:
        raise RuntimeError(text.decode(errors="replace"))


def cold_s(address: Address) -> float:
    """Of one load and its first answer; the model is unloaded again."""
    inputs = [{"name": name, "shape": [1, 4], "datatype": "INT64", "data": data} for name, data in DATA.items()]
    started = time.perf_counter()
    post(address, "/v2/repository/models/minilm/load", {})
    post(address, "/v2/models/minilm/infer", {"inputs": inputs})
    took_s = time.perf_counter() - started
    post(address, "/v2/repository/models/minilm/unload", {})
    time.sleep(0.3)  # the next worker is forked meanwhile
    return took_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    found: dict[str, list[float]] = {"bare": [], "forked": [], "spawned": []}
    with ExitStack() as stack:
        repository = stack.enter_context(only("minilm"))
        explicit = "models.control=explicit"
        servers = {
            name: stack.enter_context(headrace(repository, explicit, f"workers.warm={warm}"))
            for name, warm in (("forked", 1), ("spawned", 0))
        }
        for address in servers.values():
            cold_s(address)
        for _ in range(rounds):
            found["bare"].append(bare_s())
            for name, address in servers.items():
                found[name].append(cold_s(address))
    figures: dict[str, object] = {f"{name}, s": spread(times) for name, times in found.items()}
    for name in servers:
        ratios = [ours / bare for ours, bare in zip(found[name], found["bare"], strict=True)]
        figures[f"{name} as times of bare"] = spread(ratios)
    keep("cold", figures)


if __name__ == "__main__":
    main()
