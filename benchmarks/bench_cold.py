"""From asking for a worker with MiniLM to its first answer: forked, spawned, and bare.

    python -m benchmarks.bench_cold [--rounds 5]

Bare is a session of ONNX Runtime and its first run in a process that has imported it. The workers are told how rows may
be batched, as they are when one is started again: what a first load finds out about a model is not in it. Each round
measures all three, one after the other.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.results import keep, spread
from headrace.arrays import from_array
from headrace.batching.instance import Outcome, Rows, Work
from headrace.clock import LoopClock
from headrace.devices.inventory import cores
from headrace.runtimes.load import Loading
from headrace.types import BatchAxis, Manifest
from headrace.workers.birth import Births, Spawning
from headrace.workers.forking import Forking
from headrace.workers.remote import ProcessInstance, Settings

MODEL = Path("models/minilm/1/model.onnx").resolve()
TOKENS = np.array([[101, 7592, 2088, 102]], np.int64)
INPUTS = {"input_ids": TOKENS, "attention_mask": np.ones_like(TOKENS), "token_type_ids": TOKENS * 0}
QUIET_S = 0.3  # between two measurements; the next worker is forked meanwhile
BARE = f"""
import time
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = {int(cores())}
started = time.perf_counter()
session = ort.InferenceSession({str(MODEL)!r}, options, providers=["CPUExecutionProvider"])
tokens = np.array({TOKENS.tolist()}, np.int64)
session.run(None, {{"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": tokens * 0}})
print(time.perf_counter() - started)
"""


def bare_s() -> float:
    return float(subprocess.check_output([sys.executable, "-c", BARE]))


async def cold_s(births: Births) -> float:
    """Of one worker, which is ended again."""
    loop = asyncio.get_running_loop()
    loading = Loading(Manifest("minilm", 1, MODEL, "onnx"), int(cores()), 64, 1e-3, BatchAxis(True, 64, why="known"))
    answered: asyncio.Future[Outcome] = loop.create_future()
    tensors = [from_array(name, array) for name, array in INPUTS.items()]
    rows = tuple(Rows(each.name, each.datatype, each.shape, [each.data]) for each in tensors)
    started = time.perf_counter()
    worker = ProcessInstance(Settings(loading, 0, 300.0, 0.0), births, lambda record: None, LoopClock(loop))
    await worker.start()
    worker.run(Work(rows, ()), answered.set_result)
    outcome = await answered
    took_s = time.perf_counter() - started
    await worker.close()
    if outcome.error is not None:
        raise outcome.error
    await asyncio.sleep(QUIET_S)
    return took_s


async def measured(rounds: int) -> dict[str, list[float]]:
    """Seconds of each kind, round by round."""
    forking = Forking(1)
    kinds: dict[str, Births] = {"forked": forking, "spawned": Spawning()}
    found: dict[str, list[float]] = {name: [] for name in ("bare", *kinds)}
    for births in kinds.values():
        await cold_s(births)
    for _ in range(rounds):
        found["bare"].append(await asyncio.to_thread(bare_s))
        for name, births in kinds.items():
            found[name].append(await cold_s(births))
    await forking.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    found = asyncio.run(measured(parser.parse_args().rounds))
    figures: dict[str, object] = {f"{name}, s": spread(times) for name, times in found.items()}
    for name in ("forked", "spawned"):
        ratios = [ours / bare for ours, bare in zip(found[name], found["bare"], strict=True)]
        figures[f"{name} as times of bare"] = spread(ratios)
    keep("cold", figures)


if __name__ == "__main__":
    main()
