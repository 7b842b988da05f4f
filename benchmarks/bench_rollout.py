"""Rollouts of MiniLM under load: how soon a worse version is rolled back, and whether one that is the same ever is.

    python -m benchmarks.bench_rollout [--rate 50] [--same 20] [--canaries 3]

Version 1 is MiniLM, 2 answers twice its numbers for one input in twenty, 3 computes everything twice, 4 is MiniLM
again. Requests come by a Poisson process, with one text of 16 tokens each, over HTTP. Every other version is rolled
out from version 1 with a first step of 0.1 and every request compared; the time counts from the first moment at which
it could be asked until it is asked no more, as the server's events tell.
"""

import argparse
import http.client
import json
import queue
import random
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace

SOURCE = Path("models/minilm/1/model.onnx")
OUTPUT = "last_hidden_state"
LENGTH = 16
EVERY = 20  # inputs, of which version 2 answers one wrongly: those whose second token can be divided by it
GATES = {"errors": 0.01, "p99_ratio": 1.5, "difference": {"tolerance": 1e-3, "share": 0.02}, "compare": 1.0}
CANARY = {"steps": [0.1, 0.5, 1], "step_s": 30, "min_requests": 200, "gates": GATES}
SAME = {"steps": [0.1, 0.5, 1], "step_s": 2, "min_requests": 60, "gates": GATES}
CLIENTS = 16
OWN = "/v2/headrace/models/minilm"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rate", type=float, default=50)
    options.add_argument("--same", type=int, default=20, help="rollouts of a version that is the same")
    options.add_argument("--canaries", type=int, default=3, help="rollouts of each that is worse")
    options.add_argument("--keep", default="rollout", help="name of the results")
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        put(Path(folder) / "models" / "minilm")
        settings = ("models.control=explicit", "models.load=minilm", f"state.dir={folder}/state")
        address = stack.enter_context(headrace(Path(folder) / "models", *settings))
        load = stack.enter_context(Load(address, said.rate))
        time.sleep(2)
        ended = {
            name: [rolled_out(address, version, CANARY) for _ in range(said.canaries)]
            for name, version in (("wrong for one in 20", 2), ("twice as slow", 3))
        }
        same = [rolled_out(address, 4 if index % 2 == 0 else 1, SAME) for index in range(said.same)]
    keep(said.keep, figures(ended, same) | {"rate": said.rate, "answers": load.answers, "failed": load.failed})


def figures(ended: dict[str, list[dict[str, Any]]], same: list[dict[str, Any]]) -> dict[str, object]:
    return {
        "worse": {
            name: {
                "rollouts": len(each),
                "rolled_back": sum(one["state"] == "rolled back" for one in each),
                "seconds": spread([one["seconds"] for one in each]),
                "reasons": [one["reason"] for one in each],
            }
            for name, each in ended.items()
            if each
        },
        "same": {
            "rollouts": len(same),
            "rolled_back": sum(one["state"] == "rolled back" for one in same),
            "reasons": sorted({one["reason"] for one in same if one["state"] == "rolled back"}),
        },
    }


def rolled_out(address: Address, to: int, plan: dict[str, Any]) -> dict[str, Any]:
    """Begin a rollout and wait for its end: its state, why, and the seconds between the two events."""
    ask(address, "POST", f"{OWN}/rollout", {"to": str(to), **plan})
    while ask(address, "GET", f"{OWN}/rollout")["state"] == "running":
        time.sleep(0.1)
    events = [event for event in ask(address, "GET", f"{OWN}/events") if event["what"] == "rollout"]
    end = next(event for event in events if event["state"] in ("done", "rolled back"))
    began = next(event for event in events if event["state"] == "started")
    time.sleep(1)  # what was mirrored last is answered
    return {"state": end["state"], "reason": end["reason"], "seconds": round(end["time"] - began["time"], 2)}


class Load:
    """Requests by a Poisson process, for as long as the `with` lasts."""

    def __init__(self, address: Address, rate: float) -> None:
        self.answers = 0
        self.failed = 0
        self._address = address
        self._rate = rate
        self._over = threading.Event()
        self._due: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        self._threads.append(threading.Thread(target=self._come))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _come(self) -> None:
        random_, due = random.Random(1), time.monotonic()
        while not self._over.is_set():
            due += random_.expovariate(self._rate)
            time.sleep(max(0.0, due - time.monotonic()))
            self._due.put(body(random_))
        for _ in range(CLIENTS):
            self._due.put(None)

    def _client(self) -> None:
        connection = http.client.HTTPConnection(self._address.http, timeout=60)
        while (sent := self._due.get()) is not None:
            try:
                connection.request("POST", "/v2/models/minilm/infer", sent)
                answer = connection.getresponse()
                answer.read()
                failed = answer.status != 200
            except (OSError, http.client.HTTPException):
                connection.close()  # the next request opens it again
                failed = True
            with self._lock:
                self.answers += not failed
                self.failed += failed
        connection.close()


def body(random_: random.Random) -> bytes:
    """A request with one text."""
    tokens = [101, *(random_.randrange(1000, 3000) for _ in range(LENGTH - 2)), 102]
    inputs = {"input_ids": tokens, "attention_mask": [1] * LENGTH, "token_type_ids": [0] * LENGTH}
    given = [
        {"name": name, "datatype": "INT64", "shape": [1, LENGTH], "data": values} for name, values in inputs.items()
    ]
    return json.dumps({"inputs": given, "parameters": {"binary_data_output": True}}).encode()


def ask(address: Address, method: str, path: str, sent: object = None) -> Any:
    connection = http.client.HTTPConnection(address.http, timeout=120)
    connection.request(method, path, None if sent is None else json.dumps(sent))
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(content)
    return json.loads(content)


# ---- the models


def put(folder: Path) -> None:
    """The versions; the first is what answers."""
    for version in (1, 2, 3, 4):
        (folder / str(version)).mkdir(parents=True)
    for version in (1, 4):
        (folder / str(version) / "model.onnx").symlink_to(SOURCE.resolve())
    wrong_at_times(folder / "2" / "model.onnx")
    twice(folder / "3" / "model.onnx")
    (folder / "model.toml").write_text("version_policy = [1]\nlabels = { stable = 1 }\n")


def wrong_at_times(target: Path) -> None:
    """The same model, with its output times two where the second token can be divided by `EVERY`."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(SOURCE)
    graph = model.graph
    _rename_output(graph, "single")
    constants = {"one": np.array([1], np.int64), "every": np.array([EVERY], np.int64), "zero": np.array([0], np.int64)}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Gather", ["input_ids", "one"], ["second"], axis=1),
            helper.make_node("Mod", ["second", "every"], ["rest"]),
            helper.make_node("Equal", ["rest", "zero"], ["hit"]),
            helper.make_node("Cast", ["hit"], ["more"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["more", "one"], ["wide"]),
            helper.make_node("Mul", ["single", "wide"], ["added"]),
            helper.make_node("Add", ["single", "added"], [OUTPUT]),
        ]
    )
    onnx.save(model, target)


def twice(target: Path) -> None:
    """The same model that computes everything twice, and uses one of the two."""
    import onnx
    from onnx import compose, helper, numpy_helper

    model = onnx.load(SOURCE)
    graph, copy = model.graph, compose.add_prefix(onnx.load(SOURCE), "b_").graph
    _rename_output(graph, "single")
    graph.initializer.extend(copy.initializer)
    graph.initializer.append(numpy_helper.from_array(np.array(0.0, np.float32), "none"))
    inputs = [given.name for given in graph.input]
    before = [helper.make_node("Sub", ["attention_mask", "attention_mask"], ["zeros"])]
    before += [helper.make_node("Add", [name, "zeros"], [f"b_{name}"]) for name in inputs]
    after = [
        helper.make_node("Mul", [f"b_{OUTPUT}", "none"], ["nothing"]),
        helper.make_node("Add", ["single", "nothing"], [OUTPUT]),
    ]
    graph.node.extend([*before, *copy.node, *after])
    onnx.save(model, target)


def _rename_output(graph: Any, name: str) -> None:
    for node in graph.node:
        for index, each in enumerate(node.output):
            if each == OUTPUT:
                node.output[index] = name


if __name__ == "__main__":
    main()
