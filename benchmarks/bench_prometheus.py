"""Whether a real Prometheus reads a server under load for minutes without a fault, and evaluates its rules.

    python -m benchmarks.bench_prometheus [--seconds 300] [--every 5]

Clients ask a tensor model and a language model all the time, one of them what is refused. Prometheus (Debian's package)
reads `/metrics` and evaluates the rules of `headrace alerts rules`. What is told is what it says itself: reads that
failed, how long they took, how many series a read brought in the second half, and rules that could not be evaluated.
"""

import argparse
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.results import keep
from benchmarks.server import headrace
from tests.e2e.conftest import add_fake

REST_S = 0.02  # between two requests of one client
INFER = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
WRITE = {"model": "words", "prompt": "Hello", "max_tokens": 20, "ignore_eos": True}
CLIENTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("/v2/models/rows/infer", INFER),
    ("/v2/models/rows/infer", INFER),
    ("/v1/completions", WRITE),
    ("/v2/models/rows/infer", {"inputs": []}),
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=300)
    arguments.add_argument("--every", type=int, default=5, help="seconds between two reads")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _repository(folder / "models")
        with headrace(folder / "models", "log.level=error") as server:
            figures = _measure(folder, server.http, options.seconds, options.every)
    keep("prometheus", {"seconds": options.seconds, "every_s": options.every, **figures})


def _repository(folder: Path) -> None:
    folder.mkdir()
    add_fake(folder, "rows")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("delay_ms = 2\n")


def _measure(folder: Path, server: str, seconds: float, every: int) -> dict[str, Any]:
    stopped, answers = threading.Event(), Counter[int]()
    asking = [threading.Thread(target=_ask, args=(server, stopped, answers, *client)) for client in CLIENTS]
    for thread in asking:
        thread.start()
    try:
        with _prometheus(folder, server, every) as address:
            time.sleep(seconds)
            return {"answers": dict(sorted(answers.items())), **_told(address, seconds)}
    finally:
        stopped.set()
        for thread in asking:
            thread.join()


def _ask(server: str, stopped: threading.Event, answers: Counter[int], path: str, body: Mapping[str, Any]) -> None:
    connection = http.client.HTTPConnection(server, timeout=30)
    while not stopped.wait(REST_S):
        connection.request("POST", path, json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] += 1


@contextmanager
def _prometheus(folder: Path, server: str, every: int) -> Iterator[str]:
    """Its address, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rules = subprocess.run([sys.executable, "-m", "headrace", "alerts", "rules"], capture_output=True, check=True)
    (folder / "rules.yml").write_bytes(rules.stdout)
    settings = f"{{scrape_interval: {every}s, scrape_timeout: {every}s, evaluation_interval: {every}s}}"
    jobs = f'[{{job_name: headrace, static_configs: [{{targets: ["{server}"]}}]}}]'
    (folder / "prometheus.yml").write_text(f"global: {settings}\nrule_files: [rules.yml]\nscrape_configs: {jobs}\n")
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={address}", "--log.level=error"]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(600):
                with suppress(OSError):
                    _get(address, "status/buildinfo")
                    break
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()


def _get(address: str, path: str, **query: str) -> Any:
    with urllib.request.urlopen(
        f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30
    ) as answer:
        return json.load(answer)["data"]


def _told(address: str, seconds: float) -> dict[str, Any]:
    whole, half = f"[{seconds:.0f}s]", f"[{seconds / 2:.0f}s]"

    def value(query: str) -> float:
        (series,) = _get(address, "query", query=query)["result"]
        return float(series["value"][1])

    rules = [rule for group in _get(address, "rules")["groups"] for rule in group["rules"]]
    return {
        "reads": int(value(f"count_over_time(up{whole})")),
        "reads_failed": int(value(f"count_over_time(up{whole}) - sum_over_time(up{whole})")),
        "read_ms": {
            name: round(value(f"quantile_over_time({share}, scrape_duration_seconds{whole})") * 1000, 2)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
        },
        "samples_in_second_half": {
            name: int(value(f"{name}_over_time(scrape_samples_scraped{half})")) for name in ("min", "max")
        },
        "rules": len(rules),
        "rules_failed": [rule["name"] for rule in rules if rule["health"] != "ok"],
        "rules_firing": sorted({rule["name"] for rule in rules if rule.get("state") == "firing"}),
    }


if __name__ == "__main__":
    main()
