"""Workers killed every two seconds under load over HTTP, gRPC and streams: what is lost, and how long the unlucky wait.

    python -m benchmarks.bench_kill [--seconds 60] [--every 2] [--smollm2]

A tensor model is asked over HTTP and gRPC, a language model for streams, each client again as soon as it is answered.
The first quarter of the time nobody is killed: that is the normal. Then a random worker of those that have answered
since they last started is killed (-9). Every answer is compared with the one that is right; a stream's with the text
that the same request has alone. With --smollm2 the language model is SmolLM2: there the last bits of what goes on with
a text may differ, so its streams are held to their number of tokens, and those that are equal are counted.
"""

import argparse
import http.client
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import msgspec
import numpy as np

from benchmarks.results import keep
from benchmarks.server import Address, children, headrace
from headrace.generated import service_pb2 as pb

ROWS = """
delay_ms = 2
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
TOKENS = 64
KINDS = ("http", "grpc", "stream")


class Seen(msgspec.Struct):
    """One answer: which kind, when it was asked for and how long it took, and what was wrong with it."""

    kind: str
    asked_s: float
    took_s: float
    fault: str = ""


class Load:
    """Clients that ask until they are told to stop."""

    def __init__(self, address: Address, stream_model: str) -> None:
        self.seen: list[Seen] = []
        self.equal: Counter[bool] = Counter()  # streams whose text is the one that the request has alone
        self._address = address
        self._stream_model = stream_model
        self._alone = {prompt: self._stream(prompt) for prompt in range(4)}
        self._ended = threading.Event()
        asks: list[Callable[[int], str]] = [self._http] * 4 + [self._grpc()] * 2 + [self._streamed] * 4
        kinds = ["http"] * 4 + ["grpc"] * 2 + ["stream"] * 4
        self._threads = [
            threading.Thread(target=self._client, args=(kind, ask, seed))
            for seed, (kind, ask) in enumerate(zip(kinds, asks, strict=True))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def all_answered_since(self, when_s: float) -> bool:
        """Whether each kind had an answer to something that was asked for after that."""
        return {each.kind for each in self.seen[-2000:] if each.asked_s > when_s} == set(KINDS)

    def _client(self, kind: str, ask: Callable[[int], str], seed: int) -> None:
        rng = random.Random(seed)
        while not self._ended.is_set():
            asked_s = time.monotonic()
            try:
                fault = ask(rng.randint(0, 999))
            except (OSError, http.client.HTTPException, grpc.RpcError, ValueError, KeyError) as error:
                fault = f"no answer: {error!r}"
            self.seen.append(Seen(kind, asked_s, time.monotonic() - asked_s, fault))

    def _http(self, number: int) -> str:
        inputs = [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [number, 2]}]
        status, body = self._post("/v2/models/rows/infer", {"inputs": inputs})
        if status != 200:
            return f"{status} {body[:200]!r}"
        return "" if json.loads(body)["outputs"][0]["data"] == [number, 2] else "a wrong answer"

    def _grpc(self) -> Callable[[int], str]:
        ask = grpc.insecure_channel(self._address.grpc).unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )

        def infer(number: int) -> str:
            row = np.array([[number, 2]], np.float32)
            request = pb.ModelInferRequest(model_name="rows", raw_input_contents=[row.tobytes()])
            request.inputs.add(name="x", datatype="FP32", shape=row.shape)
            return "" if ask(request, timeout=60).raw_output_contents[0] == row.tobytes() else "a wrong answer"

        return infer

    def _streamed(self, number: int) -> str:
        text, count = self._stream(number % 4)
        whole, expected = self._alone[number % 4]
        self.equal[text == whole] += 1
        if count != expected:
            return f"{count} tokens, not {expected}"
        return "" if text == whole or self._stream_model == "smollm2" else "another text"

    def _stream(self, prompt: int) -> tuple[str, int]:
        """The text of a stream, and how many tokens the server says that it has."""
        body = {
            "model": self._stream_model,
            "prompt": f"Story number {prompt}: once upon a time",
            "max_tokens": TOKENS,
            "temperature": 0.7,
            "seed": prompt,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        status, answer = self._post("/v1/completions", body)
        if status != 200:
            raise ValueError(f"{status} {answer[:200]!r}")
        text, tokens = "", 0
        for line in answer.decode().splitlines():
            if line.startswith("data: {"):
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise ValueError(str(chunk))
                text += "".join(choice["text"] for choice in chunk["choices"])
                tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
        if not answer.rstrip().endswith(b"[DONE]"):
            raise ValueError("the stream broke off")
        return text, tokens

    def _post(self, path: str, body: object) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._address.http, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def kill_some(load: Load, address: Address, until_s: float, every_s: float) -> int:
    """Kill a random worker again and again; how many were."""
    rng, kills, last_s = random.Random(7), 0, time.monotonic()
    while time.monotonic() < until_s:
        time.sleep(max(0.05, last_s + every_s - time.monotonic()))
        if not load.all_answered_since(last_s):
            continue
        last_s = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(rng.choice(children(address.pid)), signal.SIGKILL)
            kills += 1
    return kills


def percentiles(seen: list[Seen]) -> dict[str, dict[str, float]]:
    """Of each kind, in ms."""
    found = {}
    for kind in KINDS:
        times = sorted(each.took_s * 1e3 for each in seen if each.kind == kind)
        at = {name: times[min(len(times) - 1, int(len(times) * share))] for name, share in SHARES.items()}
        found[kind] = {"answers": len(times)} | {name: round(value, 1) for name, value in at.items()}
    return found


SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def repository(folder: Path, smollm2: bool) -> None:
    (folder / "rows").mkdir()
    (folder / "rows" / "model.fake").write_text(ROWS)
    if smollm2:
        (folder / "smollm2").symlink_to(Path("models/smollm2").resolve())
    else:
        (folder / "counting").mkdir()
        (folder / "counting" / "model.fakellm").write_text("delay_ms = 10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=2)
    parser.add_argument("--smollm2", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repository(Path(folder), asked.smollm2)
        with headrace(Path(folder)) as address:
            load = Load(address, "smollm2" if asked.smollm2 else "counting")
            began_s = time.monotonic()
            time.sleep(asked.seconds / 4)
            quiet_s = time.monotonic()
            kills = kill_some(load, address, began_s + asked.seconds, asked.every)
            load.stop()
    normal = [each for each in load.seen if each.asked_s + each.took_s < quiet_s]
    killed = [each for each in load.seen if each.asked_s >= quiet_s]
    figures = {
        "seconds": asked.seconds,
        "workers killed": kills,
        "lost or wrong": sum(bool(each.fault) for each in load.seen),
        "faults": sorted({each.fault for each in load.seen if each.fault})[:5],
        "streams with the text that they have alone": load.equal[True],
        "other streams": load.equal[False],
        "normal, ms": percentiles(normal),
        "while workers are killed, ms": percentiles(killed),
    }
    keep("kill_smollm2" if asked.smollm2 else "kill", figures)


if __name__ == "__main__":
    main()
