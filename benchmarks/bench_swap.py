"""Hot swaps of MiniLM under load: how many requests fail, or mix two versions' answers, and what memory stays.

    python -m benchmarks.bench_swap [--swaps 200] [--seconds 1800] [--clients 16] [--streams 8] [--warm 60]

Half of the clients ask over HTTP, half over gRPC, each again as soon as it is answered. Beside them others stream texts
of a language model, each of which has to be the one that it has alone. Version after version is put
into the repository and loaded as soon as the last one is published; each second one gives twice the numbers, so that an
answer shows which version computed it. Memory is the Pss of server and workers, without load, before and after; before
either there is the same load without swaps for a while, so that what a server remembers of requests, and what a version
makes once it is asked for much, is there.
"""

import argparse
import http.client
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import grpc
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import keep
from benchmarks.server import Address, children, headrace
from headrace.generated import service_pb2 as pb

SOURCE = Path("models/minilm/1/model.onnx")
TOKENS = np.array([[101, 7592, 2088, 2003, 2307, 102], [101, 2054, 2003, 1996, 2051, 102]], dtype=np.int64)
INPUTS = {"input_ids": TOKENS, "attention_mask": np.ones_like(TOKENS), "token_type_ids": np.zeros_like(TOKENS)}
OUTPUT = "last_hidden_state"
TOLERANCE = 0.02  # of a row alone and in company

Numbers = NDArray[np.float32]


class Answer(NamedTuple):
    """The version that says it answered, and what it answered."""

    version: int
    numbers: Numbers


Ask = Callable[[], Answer]


class Tally:
    """What the clients saw; written by all of their threads."""

    def __init__(self, expected: Numbers) -> None:
        self.expected = expected  # of odd versions; even ones give twice as much
        self.answers: dict[int, int] = {}
        self.failed: list[str] = []
        self.mixed = 0
        self.texts = 0  # streamed, and right
        self.times_s: list[float] = []
        self.lock = threading.Lock()

    def ask(self, ask: Ask) -> None:
        began = time.perf_counter()
        try:
            answer = ask()
        except Exception as error:
            with self.lock:
                self.failed.append(repr(error))
            return
        right = self.expected * (2 - answer.version % 2)
        with self.lock:
            self.times_s.append(time.perf_counter() - began)
            self.answers[answer.version] = self.answers.get(answer.version, 0) + 1
            self.mixed += bool(np.abs(answer.numbers - right).max() > TOLERANCE)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--swaps", type=int, default=200)
    options.add_argument("--seconds", type=float, default=1800, help="after which no more versions are swapped")
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--streams", type=int, default=8)
    options.add_argument(
        "--warm",
        type=float,
        default=60,
        help="seconds of load before memory is measured: rings of kept requests are full then",
    )
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        models = Models(Path(folder))
        models.put(1)
        settings = ("models.control=explicit", "models.load=minilm,counting", f"state.dir={folder}/state")
        address = stack.enter_context(headrace(models.repository, *settings))
        expected = over_http(address)().numbers
        swap(address, models, 2)  # whatever only the first swap takes is there before
        streams = Streams(address)
        load(address, said.clients, expected, lambda: time.sleep(said.warm), (streams, said.streams))
        before = settled_bytes(address.pid)
        began, swaps_s = time.monotonic(), []

        def swaps() -> None:
            for number in range(3, 3 + said.swaps):
                if time.monotonic() - began < said.seconds:
                    swaps_s.append(swap(address, models, number))

        tally = load(address, said.clients, expected, swaps, (streams, said.streams))
        seconds = time.monotonic() - began
        load(address, said.clients, expected, lambda: time.sleep(said.warm), (streams, said.streams))
        after = settled_bytes(address.pid)
    told = figures(tally, swaps_s, before, after)
    keep("swap", told | {"seconds": round(seconds), "clients": said.clients, "streams": said.streams})
    sys.exit(bool(tally.failed or tally.mixed))


def figures(tally: Tally, swaps_s: list[float], before: int, after: int) -> dict[str, object]:
    times = np.array(tally.times_s) * 1e3
    return {
        "swaps": len(swaps_s),
        "swap_s": round(float(np.median(swaps_s)), 2),
        "answers": sum(tally.answers.values()),
        "versions_that_answered": len(tally.answers),
        "texts_streamed": tally.texts,
        "failed": len(tally.failed),
        "failures": sorted(set(tally.failed))[:5],
        "mixed": tally.mixed,
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p99_ms": round(float(np.percentile(times, 99)), 1),
        "memory_before_mb": round(before / 1e6, 1),
        "memory_after_mb": round(after / 1e6, 1),
        "memory_ratio": round(after / before, 3),
    }


class Models:
    """A repository of one model, of which odd versions are MiniLM, and even ones twice its numbers."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "models"
        self._doubled = folder / "doubled.onnx"
        double(SOURCE, self._doubled)
        (self.repository / "counting").mkdir(parents=True)
        (self.repository / "counting" / "model.fakellm").write_text("delay_ms = 10")

    def put(self, version: int) -> None:
        place = self.repository / "minilm" / str(version)
        place.mkdir(parents=True)
        (place / "model.onnx").symlink_to((self._doubled if version % 2 == 0 else SOURCE).resolve())

    def remove(self, version: int) -> None:
        shutil.rmtree(self.repository / "minilm" / str(version), ignore_errors=True)


def double(source: Path, target: Path) -> None:
    """The same model with its output times two."""
    import onnx

    model = onnx.load(source)
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            if name == OUTPUT:
                node.output[index] = "single"
    two = onnx.helper.make_tensor("two", onnx.TensorProto.FLOAT, [], [2.0])
    model.graph.initializer.append(two)
    model.graph.node.append(onnx.helper.make_node("Mul", ["single", "two"], [OUTPUT]))
    onnx.save(model, target)


def swap(address: Address, models: Models, version: int) -> float:
    """Put the next version in, and have it take over; returns the seconds until it did."""
    models.put(version)
    began = time.monotonic()
    connection = http.client.HTTPConnection(address.http, timeout=600)
    connection.request("POST", "/v2/repository/models/minilm/load", "{}")
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read().decode())
    connection.close()
    models.remove(version - 2)
    return time.monotonic() - began


class Streams:
    """Chats with a language model that counts, and what each of them says alone."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._alone = [self._text(seed) for seed in range(4)]

    def stream(self, tally: Tally, number: int) -> None:
        try:
            text = self._text(number % 4)
        except Exception as error:
            with tally.lock:
                tally.failed.append(repr(error))
            return
        with tally.lock:
            if text == self._alone[number % 4]:
                tally.texts += 1
            else:
                tally.failed.append("another text than alone")

    def _text(self, seed: int) -> str:
        """What comes in the chunks of one answer; the last of them says how many tokens there were."""
        body = {
            "model": "counting",
            "messages": [{"role": "user", "content": f"Story number {seed}"}],
            "max_tokens": 64,
            "temperature": 0.7,
            "seed": seed,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        connection = http.client.HTTPConnection(self._address.http, timeout=600)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        told = response.read().decode()
        connection.close()
        if response.status != 200 or not told.rstrip().endswith("data: [DONE]"):
            raise RuntimeError(told[-300:])
        chunks = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: {")]
        (usage,) = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
        text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
        return f"{usage['completion_tokens']} tokens: {text}"


def load(
    address: Address,
    clients: int,
    expected: Numbers,
    during: Callable[[], None],
    streaming: tuple[Streams, int],
) -> Tally:
    """Clients that ask again and again, and some that stream, for as long as something else takes."""
    tally, over = Tally(expected), threading.Event()
    streams, num_streams = streaming

    def chat(number: int) -> None:
        while not over.is_set():
            streams.stream(tally, number)

    def client(ask: Ask) -> None:
        while not over.is_set():
            tally.ask(ask)

    asks = [over_http(address) if number % 2 else over_grpc(address) for number in range(clients)]
    threads = [threading.Thread(target=client, args=(ask,)) for ask in asks]
    threads += [threading.Thread(target=chat, args=(number,)) for number in range(num_streams)]
    for thread in threads:
        thread.start()
    try:
        during()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return tally


def over_http(address: Address) -> Ask:
    connection = http.client.HTTPConnection(address.http, timeout=600)
    inputs = [
        {"name": name, "datatype": "INT64", "shape": list(value.shape), "data": value.tolist()}
        for name, value in INPUTS.items()
    ]
    body = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}})

    def ask() -> Answer:
        connection.request("POST", "/v2/models/minilm/infer", body)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(content.decode())
        length = int(response.headers["Inference-Header-Content-Length"])
        head = json.loads(content[:length])
        shape = head["outputs"][0]["shape"]
        return Answer(int(head["model_version"]), np.frombuffer(content[length:], dtype=np.float32).reshape(shape))

    return ask


def over_grpc(address: Address) -> Ask:
    channel = grpc.insecure_channel(address.grpc, options=[("grpc.use_local_subchannel_pool", 1)])
    infer = channel.unary_unary(
        "/inference.GRPCInferenceService/ModelInfer",
        request_serializer=pb.ModelInferRequest.SerializeToString,
        response_deserializer=pb.ModelInferResponse.FromString,
    )
    message = pb.ModelInferRequest(model_name="minilm")
    for name, value in INPUTS.items():
        message.inputs.add(name=name, datatype="INT64", shape=value.shape)
        message.raw_input_contents.append(value.tobytes())

    def ask() -> Answer:
        response = infer(message, timeout=600)
        numbers = np.frombuffer(response.raw_output_contents[0], dtype=np.float32)
        return Answer(int(response.model_version), numbers.reshape(tuple(response.outputs[0].shape)))

    return ask


def settled_bytes(pid: int) -> int:
    """Memory of a server and its workers once the old version is gone: the least of some seconds."""
    least = []
    for _ in range(6):
        time.sleep(0.5)
        least.append(sum(map(pss_bytes, (pid, *descendants(pid)))))
    return min(least)


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return [*found, *(below for child in found for below in descendants(child))]


def pss_bytes(pid: int) -> int:
    """Memory of a process, its share of what others have too."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
