"""A language model served side by side with llama.cpp's server: same file, same cores, same clients, turn by turn.

    python -m benchmarks.bench_llm_peer LLAMA_SERVER [models/smollm2/1/model.gguf] [--rounds 3]

`LLAMA_SERVER` is a native build of llama.cpp's `llama-server`; it has a slot for each stream. headrace is measured with
weights as exact as the file's (auto) and with 4-bit ones. All speculation is off. A figure is the median of some tries
on one server that has warmed up: a try takes a third of a second.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.bench_llm import SEQUENCES, Served
from benchmarks.results import keep, spread
from benchmarks.server import Address, free_port, headrace, process, quiet
from headrace.devices.inventory import cores

VOCABULARY = 40_000  # prompts are random tokens below it
CONTEXT = 640  # tokens of a slot
TRIES = 5  # of decoding, on one server
SETTLED_S = 2.5  # without work: what first texts bring with them has been made then, and kept on the disk
REST_S = 5.0  # behind a server's end: virtual machines give its memory back to their host then, which takes their cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama_server", type=Path)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/smollm2/1/model.gguf"))
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    servers: dict[str, Callable[[int], AbstractContextManager[Address]]] = {
        "llama.cpp": lambda slots: llama(asked.llama_server, asked.model, slots),
        "headrace": lambda slots: headrace(asked.model, "llm.speculation=off"),
        "headrace int4": lambda slots: headrace(asked.model, "llm.speculation=off", "llm.precision=int4"),
    }
    series: dict[str, dict[str, list[float]]] = {name: {} for name in servers}
    for _ in range(asked.rounds):
        for count in SEQUENCES:
            for name, start in servers.items():
                time.sleep(REST_S)
                with start(count) as address:
                    served = Served(address.http, VOCABULARY)
                    served.decoding(count)  # warms up
                    quiet(address.pid, for_s=SETTLED_S)
                    series[name].setdefault(f"tokens/s at {count}", []).append(decoding(served, count))
                    if count == 8:
                        series[name].setdefault("prompt tokens/s", []).append(served.prompts())
    figures: dict[str, object] = {"model": asked.model.name}
    for name, measured in series.items():
        figures[name] = {what: spread(values) for what, values in measured.items()}
        if name != "llama.cpp":
            figures[f"{name} to llama.cpp"] = {
                what: spread([ours / theirs for ours, theirs in zip(values, series["llama.cpp"][what], strict=True)])
                for what, values in measured.items()
            }
    keep("llm_peer", figures)


def decoding(served: Served, count: int) -> float:
    """Tokens a second."""
    return statistics.median(served.decoding(count) for _ in range(TRIES))


def llama(program: Path, model: Path, slots: int) -> AbstractContextManager[Address]:
    port, threads = free_port(), str(int(cores()))
    command = [str(program), "-m", str(model), "--port", str(port), "-t", threads, "-tb", threads]
    command += ["-np", str(slots), "-c", str(slots * CONTEXT), "--no-webui", "--log-disable"]
    return process(command, port, port, ready="/health")


if __name__ == "__main__":
    main()
