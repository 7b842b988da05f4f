"""The bare runtime in a plain loop, in a process of its own: the limit that a server can only lose against.

python -m benchmarks.bare_onnx MODEL BATCH SECONDS     prints JSON: rows per second, and p50 of a call in ms
python -m benchmarks.bare_onnx MODEL BATCH -           the same for every number of seconds on a line of standard input
"""

import json
import statistics
import sys
import time
from collections.abc import Iterable

import numpy as np
import onnxruntime

TOKENS = 64


def main(path: str, batch: int, whiles: Iterable[str]) -> None:
    session = plain(path, 2)
    rows = {spec.name: np.zeros((batch, TOKENS), np.int64) for spec in session.get_inputs()}
    session.run(None, rows)
    for seconds in map(float, whiles):
        times, started = [], time.perf_counter()
        while time.perf_counter() - started < seconds:
            before = time.perf_counter()
            session.run(None, rows)
            times.append(time.perf_counter() - before)
        figures = {"per_second": batch * len(times) / sum(times), "p50_ms": 1e3 * statistics.median(times)}
        print(json.dumps(figures), flush=True)


def plain(path: str, threads: int) -> onnxruntime.InferenceSession:
    """A session with the library's own settings but for its threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.stdin if sys.argv[3] == "-" else sys.argv[3:])
