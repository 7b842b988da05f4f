"""MiniLM, 64 tokens: the server with 16 closed-loop clients against the bare runtime at its best batch size.

    python -m benchmarks.bench_encoder [--blocks 15] [--seconds 1.5]

Bare, HTTP and gRPC take turns in short blocks on the same two cores, all of them alive the whole time, and each block
is held against the bare ones before and after it: the machine's slow moments come to both. What the server adds for
one client is `bench_one_client.py`'s.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.bare_loop import bare
from benchmarks.perf_analyzer import waiting
from benchmarks.results import keep, spread
from benchmarks.server import headrace, only, wait_joined

MODEL = Path("models/minilm")
NAMES = ("input_ids", "attention_mask", "token_type_ids")
BATCHES = (1, 4, 8, 16, 32)
CLIENTS = 16
SECONDS = 1.0  # of each size of the search for the best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a block, bare or served")
    options = parser.parse_args()
    arguments = [word for name in NAMES for word in ("--shape", f"{name}:64")] + ["--input-data", "zero"]
    best = best_batch()
    bare_per_second, served, ratios = list[float](), dict[str, list[float]](), dict[str, list[float]]()
    with ExitStack() as stack:
        address = stack.enter_context(headrace(stack.enter_context(only(MODEL.name))))
        wait_joined(address.http, MODEL.name)
        ask_bare = stack.enter_context(bare(MODEL, best))
        turns = {
            protocol: stack.enter_context(waiting(MODEL.name, protocol, where, CLIENTS, arguments, address.http))
            for protocol, where in (("http", address.http), ("grpc", address.grpc))
        }
        before = ask_bare(options.seconds).per_second
        for _ in range(options.blocks):
            for protocol, turn in turns.items():
                per_second = turn(options.seconds)
                after = ask_bare(options.seconds).per_second
                served.setdefault(protocol, []).append(per_second)
                ratios.setdefault(protocol, []).append(2 * per_second / (before + after))
                bare_per_second.append(after)
                before = after
            print({name: round(values[-1], 3) for name, values in ratios.items()}, file=sys.stderr)
    figures: dict[str, object] = {"best batch of the bare loop": best, "bare per second": spread(bare_per_second)}
    figures |= {f"{protocol} per second": spread(values) for protocol, values in served.items()}
    figures |= {f"{protocol} / bare, {CLIENTS} clients": spread(values) for protocol, values in ratios.items()}
    keep("encoder", figures)


def best_batch() -> int:
    """The batch size at which the bare loop does the most rows; all sizes in turn, twice."""
    with ExitStack() as stack:
        loops = {batch: stack.enter_context(bare(MODEL, batch)) for batch in BATCHES}
        rates = dict.fromkeys(BATCHES, 0.0)
        for _ in range(2):
            for batch, loop in loops.items():
                rates[batch] += loop(SECONDS).per_second
    return max(rates, key=rates.__getitem__)


if __name__ == "__main__":
    main()
