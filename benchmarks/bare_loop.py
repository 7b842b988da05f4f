"""The bare runtime in a process of its own, which runs in turns with a server that is measured."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

Loop = Callable[[float], "Bare"]
"""Run for so many seconds."""


class Bare(msgspec.Struct, frozen=True):
    """What the plain loop did."""

    per_second: float  # rows
    p50_ms: float  # of a call


@contextmanager
def bare(model: Path, batch: int) -> Iterator[Loop]:
    """The loop of `bare_onnx.py` with batches of so many rows, alive as long as this context: between turns it waits.

    `model` is a folder with one `model.onnx` in it.
    """
    (file,) = model.rglob("model.onnx")
    command = [sys.executable, "-m", "benchmarks.bare_onnx", str(file), str(batch), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        assert child.stdout
        into, out = child.stdin, child.stdout

        def run(seconds: float) -> Bare:
            print(seconds, file=into, flush=True)
            return msgspec.convert(json.loads(out.readline()), Bare)

        yield run
        into.close()
