"""How often what changed is told right: incidents and whiles without any, by many seeds, as a table of what was told.

    python -m benchmarks.bench_why --seeds 1000:1030 --out benchmarks/results/why.json

Each scenario of `tests/changes/` is run for each seed: other loads, noise, sizes and moments, and things beside it that
do no harm. The tests have other seeds than those that a claim is made by.
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.changes.incidents import INCIDENTS
from tests.changes.judging import Verdict, judge
from tests.changes.whiles import WHILES


def main() -> int:
    parser = argparse.ArgumentParser(description="How often what changed is told right.")
    parser.add_argument("--seeds", default="1000:1010", help="from:to, as of a range")
    parser.add_argument("--out", default="", help="the file that is written; else only what is shown")
    options = parser.parse_args()
    first, _, end = options.seeds.partition(":")
    found = run(range(int(first), int(end)))
    show(found)
    if options.out:
        Path(options.out).write_text(json.dumps(found, indent=2) + "\n")
    return 0


def run(seeds: range) -> dict[str, Any]:
    """The result, as it is written."""
    began = time.process_time()
    rows = {name: [judge(name, seed) for seed in seeds] for name in (*INCIDENTS, *WHILES)}
    return {
        "seeds": [seeds.start, seeds.stop],
        "with_a_cause": _share([verdict for name in INCIDENTS for verdict in rows[name]]),
        "without": _share([verdict for name in WHILES for verdict in rows[name]]),
        "scenarios": {name: _row(name, verdicts) for name, verdicts in rows.items()},
        "cpu_s": round(time.process_time() - began, 1),
    }


def show(found: dict[str, Any]) -> None:
    """A line a scenario: what it is, how many were right and in time, and what was told first."""
    for name, row in found["scenarios"].items():
        told = ", ".join(f"{kind} {count}" for kind, count in row["told"].items())
        truth = "+".join(row["truth"]) or "-"
        print(f"{name:34} {truth:18} {row['right']:3}/{row['of']:3}  in time {row['in_time']:3}  {told}")
    for what in ("with_a_cause", "without"):
        share = found[what]
        print(f"{what}: {share['right']}/{share['of']} = {share['share']:.1%}, moments in time {share['in_time']:.1%}")


def _row(name: str, verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "truth": verdicts[0].truth.kinds,
        "right": sum(verdict.right for verdict in verdicts),
        "of": len(verdicts),
        "in_time": sum(map(_in_time, verdicts)),
        "told": dict(Counter(verdict.told for verdict in verdicts).most_common()),
    }


def _share(verdicts: list[Verdict]) -> dict[str, Any]:
    right, placed = (
        sum(verdict.right for verdict in verdicts),
        [verdict for verdict in verdicts if verdict.off_s is not None],
    )
    in_time = sum(map(_in_time, placed)) / len(placed) if placed else 1.0
    return {"right": right, "of": len(verdicts), "share": round(right / len(verdicts), 4), "in_time": round(in_time, 4)}


def _in_time(verdict: Verdict) -> bool:
    return verdict.off_s is not None and verdict.off_s <= verdict.truth.within_s


if __name__ == "__main__":
    sys.exit(main())
