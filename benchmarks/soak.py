"""Mixed good and bad load while workers are killed: every request is answered, no answer is wrong, memory is flat.

python -m benchmarks.soak [--minutes 10] [--kill-every 5] [--clients 8]
"""

import argparse
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import msgspec
import numpy as np

from benchmarks.results import keep
from benchmarks.server import Address, children, headrace, only, resident_bytes


class Case(msgspec.Struct, frozen=True):
    """A request, and whether an answer to it is right."""

    name: str
    path: str
    body: bytes
    headers: dict[str, str]
    right: Callable[[int, bytes], bool]


def add_sub(rng: random.Random) -> Case:
    """A sum and a difference in JSON, of one to eight rows."""
    rows = rng.randint(1, 8)
    a, b = ([[rng.randint(-(2**30), 2**30) for _ in range(16)] for _ in range(rows)] for _ in range(2))
    inputs = [
        {"name": name, "shape": [rows, 16], "datatype": "INT32", "data": data}
        for name, data in (("INPUT0", a), ("INPUT1", b))
    ]

    def right(status: int, body: bytes) -> bool:
        if status != 200:
            return lost(status, body)
        outputs = {output["name"]: output["data"] for output in json.loads(body)["outputs"]}
        total = [x + y for row, other in zip(a, b, strict=True) for x, y in zip(row, other, strict=True)]
        return bool(outputs["OUTPUT0"] == total)

    return Case("add_sub", "/v2/models/add_sub/infer", json.dumps({"inputs": inputs}).encode(), {}, right)


def binary(rng: random.Random) -> Case:
    """The same in binary."""
    rows = rng.randint(1, 8)
    arrays = {name: np.array([[rng.randint(-999, 999)] * 16] * rows, np.int32) for name in ("INPUT0", "INPUT1")}
    head = {
        "inputs": [
            {"name": name, "shape": [rows, 16], "datatype": "INT32", "parameters": {"binary_data_size": array.nbytes}}
            for name, array in arrays.items()
        ],
        "outputs": [{"name": "OUTPUT1", "parameters": {"binary_data": True}}],
    }
    text = json.dumps(head).encode()
    body = text + b"".join(array.tobytes() for array in arrays.values())
    wanted = (arrays["INPUT0"] - arrays["INPUT1"]).tobytes()

    def right(status: int, body: bytes) -> bool:
        return body.endswith(wanted) if status == 200 else lost(status, body)

    return Case("binary", "/v2/models/add_sub/infer", body, {"Inference-Header-Content-Length": str(len(text))}, right)


def bad(rng: random.Random) -> Case:
    """Something that a client may get wrong: a 4xx that says what."""
    good = add_sub(rng)
    name, path, body = rng.choice(
        [
            ("unknown model", "/v2/models/nobody/infer", good.body),
            ("not JSON", good.path, good.body[: rng.randint(0, len(good.body) - 1)]),
            ("overflow", good.path, good.body.replace(b"[[", b"[[1099511627776, ", 1)),
            ("datatype", good.path, good.body.replace(b"INT32", b"INT64")),
            ("shape", good.path, good.body.replace(b'"shape": [', b'"shape": [1000000000, ', 1)),
            ("name", good.path, good.body.replace(b"INPUT1", b"INPUT0")),
            ("mutated", good.path, mutated(rng, good.body)),
        ]
    )

    def right(status: int, body: bytes) -> bool:
        mutated_and_still_good = name == "mutated" and status == 200
        return mutated_and_still_good or lost(status, body) or (400 <= status < 500 and b'"error"' in body)

    return Case(name, path, body, {}, right)


def mutated(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 5)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def lost(status: int, body: bytes) -> bool:
    """The one excuse: the worker was killed twice with the request in it, or is starting."""
    return status == 503 and (b"worker" in body or b"wait" in body)


class Client(threading.Thread):
    """One closed loop; counts what it got by case and status."""

    def __init__(self, address: Address, seed: int, until: float) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._address, self._rng, self._until = address.http, random.Random(seed), until

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        while time.monotonic() < self._until:
            case = self._rng.choice((add_sub, add_sub, binary, binary, bad))(self._rng)
            try:
                connection.request("POST", case.path, case.body, case.headers)
                if self._rng.random() < 0.02:  # gone before the answer
                    connection.close()
                    self.counts["went away"] += 1
                    continue
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(f"{case.name}: no answer: {error!r}")
                connection.close()
                continue
            self.counts[f"{case.name} {response.status}"] += 1
            if not case.right(response.status, body):
                self.wrong.append(f"{case.name}: {response.status} {body[:200]!r}")
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kill-every", type=float, default=5)
    parser.add_argument("--clients", type=int, default=8)
    asked = parser.parse_args()
    with only("add_sub") as repository, headrace(repository) as address:
        until = time.monotonic() + asked.minutes * 60
        clients = [Client(address, seed, until) for seed in range(asked.clients)]
        for client in clients:
            client.start()
        kills, memory = 0, []
        while time.monotonic() < until:
            time.sleep(asked.kill_every)
            memory.append(resident_bytes(address.pid) / 1e6)
            for pid in children(address.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
                kills += 1
            print(f"{kills} kills, server {memory[-1]:.1f} MB", file=sys.stderr)
        for client in clients:
            client.join()
    counts = sum((client.counts for client in clients), Counter[str]())
    wrong = [line for client in clients for line in client.wrong]
    figures = {
        "minutes": asked.minutes,
        "kills": kills,
        "answers": dict(sorted(counts.items())),
        "wrong or missing answers": len(wrong),
        "examples": wrong[:5],
        "server MB": {"after a minute": memory[min(len(memory) - 1, 12)], "at the end": memory[-1]},
    }
    keep("soak", figures)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
