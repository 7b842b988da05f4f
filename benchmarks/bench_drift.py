"""How soon drift is found, how often it is found where there is none, and what looking costs.

    python -m benchmarks.bench_drift [--rows 1000000] [--seeds 20] [--only cost,false,windows,sets,MiniLM]

Reference 2,000 rows, window 500, everything else at its default. False alarms: rows of one distribution, all features
and tests together, at 4 and 100 features, independent and autoregressive (0.5); a fresh reference each 250,000 rows,
whose own luck counts too. Delays: windows until a shift of one feature is found, over seeds. The sets need
scikit-learn, MiniLM the demo model of that name; what is not measured is kept as it was.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import FOLDER, keep
from headrace.arrays import from_array
from headrace.drift.feedback import Feedback
from headrace.drift.model_drift import ModelDrift, Watched
from headrace.drift.version_drift import SIDES
from headrace.observe_settings import Drift
from headrace.records import DriftEvent, SampleRecord
from headrace.types import BatchAxis, ModelVersion, Signature, Tensor, TensorSpec

Rows = NDArray[np.float64]
Source = Callable[[np.random.Generator, int], Rows]

REFERENCE, WINDOW = 2000, 500
FRESH = 250_000
SHIFTS = (1.0, 0.5, 0.25)
MINILM = Path("models/minilm")


def main() -> None:
    arguments = _arguments()
    rows, seeds = arguments.rows, arguments.seeds
    sections: dict[str, Callable[[], dict[str, Any]]] = {
        "cost": lambda: {f"{width} inputs": _cost(width) for width in (4, 100)},
        "false alarms": lambda: {
            f"{name}, {width} features": _false_alarms(name, width, rows)
            for name, width in (
                ("normal", 4),
                ("normal", 100),
                ("autoregressive", 4),
                ("autoregressive", 100),
                ("exponential", 4),
                ("classes", 4),
            )
        },
        "windows until a shift is found": lambda: {
            f"{width} features, {name}": _delays(SOURCES[name], width, seeds)
            for name in ("normal", "exponential")
            for width in (4, 100)
        },
        "sets of scikit-learn": lambda: _sets(seeds),
        "MiniLM, one domain to another": lambda: _text(min(seeds, 5)),
    }
    file = FOLDER / "drift.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    figures = {name: kept[name] for name in sections if name in kept}
    for name, measure in sections.items():
        if not arguments.only or name.startswith(tuple(arguments.only.split(","))):
            figures[name] = measure()
    keep("drift", {name: figures[name] for name in sections if name in figures})


def normal(random: np.random.Generator, rows: int, width: int = 4) -> Rows:
    return random.standard_normal((rows, width))


def exponential(random: np.random.Generator, rows: int, width: int = 4) -> Rows:
    return random.exponential(size=(rows, width))


def autoregressive(random: np.random.Generator, rows: int, width: int = 4) -> Rows:
    made = random.standard_normal((rows + 100, width)) * 0.75**0.5
    for i in range(1, len(made)):
        made[i] += 0.5 * made[i - 1]
    kept: Rows = made[100:]
    return kept


SOURCES: dict[str, Any] = {
    "normal": normal,
    "autoregressive": autoregressive,
    "exponential": exponential,
    "classes": normal,
}


class Model:
    """One model's drift, fed rows in requests of many."""

    def __init__(self, width: int, classes: int = 0) -> None:
        outputs = (TensorSpec("probabilities", "FP32", (-1, classes)),) if classes else ()
        inputs = tuple(
            TensorSpec(f"X{k}" if width > 64 else "X", "FP32", (-1, len(columns)))
            for k, columns in enumerate(np.array_split(np.arange(width), -(-width // 64)))
        )
        self.watched = Watched(Signature(inputs, outputs, BatchAxis(True), "fake", "fake"))
        self.drift = ModelDrift("m", Drift(reference=REFERENCE, window=WINDOW), 0)
        self.rises: list[tuple[str, str]] = []  # features, and the tests that found them
        self._feedback = Feedback(0)
        self._mixed = np.random.default_rng(9).standard_normal((width, classes))

    def feed(self, rows: Rows, together: int = WINDOW) -> None:
        for start in range(0, len(rows), together):
            self._add([self.record(rows[start : start + together])])

    def record(self, rows: Rows) -> SampleRecord:
        values, at = rows.astype(np.float32), 0
        inputs: list[Tensor] = []
        for spec in self.watched.signature.inputs:
            width = spec.shape[1]
            inputs.append(_copied(from_array(spec.name, values[:, at : at + width])))
            at += width
        outputs: tuple[Tensor, ...] = ()
        if self.watched.signature.outputs:
            powers = np.exp(rows @ self._mixed)
            outputs = (
                _copied(from_array("probabilities", (powers / powers.sum(1, keepdims=True)).astype(np.float32))),
            )
        return SampleRecord(ModelVersion("m", 1), "id", "", tuple(inputs), outputs, 0, None)

    def add(self, records: Sequence[SampleRecord]) -> Iterator[Any]:
        return self.drift.add(1, self.watched, records, self._feedback)

    def _add(self, records: Sequence[SampleRecord]) -> None:
        for step in self.add(records):
            if isinstance(step, DriftEvent) and step.state == "alarm":
                self.rises.append((step.feature, step.test))


def _copied(tensor: Tensor) -> Tensor:
    return Tensor(tensor.name, tensor.datatype, tensor.shape, bytes(tensor.data))


def _false_alarms(name: str, width: int, rows: int) -> dict[str, Any]:
    found: list[tuple[str, str]] = []
    for part in range(-(-rows // FRESH)):
        random = np.random.default_rng([part, width])
        model = Model(width, classes=3 if name == "classes" else 0)
        model.feed(SOURCES[name](random, REFERENCE + min(rows, FRESH), width))
        found += model.rises
    tests = {test: sum(each == test for _, each in found) for _, test in found}
    figures = {"features": width, "rows": rows, "episodes": len(found), "by test": tests}
    print(name, figures, flush=True)
    return figures


def _delays(source: Any, width: int, seeds: int) -> dict[str, Any]:
    return {
        f"{shift:g} sigma": _found(
            lambda random, rows: source(random, rows, width), width, shift, range(seeds), deviation=1.0
        )
        for shift in SHIFTS
    }


def _found(
    source: Source, width: int, shift: float, seeds: Sequence[int], deviation: float, at: int = 1
) -> dict[str, Any]:
    """Over seeds, the window in which the shifted feature's alarm began."""
    windows, missed, other = [], 0, 0
    for seed in seeds:
        random = np.random.default_rng([seed, 77])
        model = Model(width)
        model.feed(source(random, REFERENCE + WINDOW))
        began = None
        for window in range(1, 11):
            rows = source(random, WINDOW)
            rows[:, at] += shift * deviation
            model.feed(rows)
            wanted = _position(width, at)
            if any(feature == wanted for feature, _ in model.rises):
                began = window
                break
        other += sum(feature != _position(width, at) for feature, _ in model.rises)
        windows += [began] if began else []
        missed += began is None
    median, largest = (statistics.median(windows), max(windows)) if windows else (None, None)
    return {"median": median, "largest": largest, "missed in 10": missed, "alarms of others": other, "runs": len(seeds)}


def _position(width: int, at: int) -> str:
    return f"X0[{at}]" if width > 64 else f"X[{at}]"


def _sets(seeds: int) -> dict[str, Any]:
    """Rows drawn anew from scikit-learn's sets: many equal values, skew, and features that hang together."""
    try:
        from sklearn import datasets  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return {"not measured": "scikit-learn is not installed"}
    found: dict[str, Any] = {}
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits"):
        table = np.asarray(getattr(datasets, f"load_{name}")().data, np.float64)
        at = int(np.argmax([len(np.unique(column)) for column in table.T]))

        def drawn(random: np.random.Generator, rows: int, table: Rows = table) -> Rows:
            return table[random.integers(0, len(table), rows)]

        quiet = Model(table.shape[1])
        quiet.feed(drawn(np.random.default_rng(5), REFERENCE + 100_000))
        shifts = {
            f"{shift:g} sigma": _found(drawn, table.shape[1], shift, range(seeds), float(table[:, at].std()), at)
            for shift in SHIFTS
        }
        found[name] = {"features": table.shape[1], "false alarms in 100,000 rows": len(quiet.rises), **shifts}
        print(name, found[name], flush=True)
    return found


def _text(seeds: int) -> dict[str, Any]:
    """Sentences of headrace's own documentation, then of Python's: both of programs, in English."""
    from pydoc_data import topics

    ours = _sentences("\n".join(path.read_text() for path in sorted(Path("docs").glob("*.md"))))
    python = _sentences("\n".join(topics.topics.values()))
    lots = [_embedded(texts) for texts in (ours, python)]
    spec = [TensorSpec("input_ids", "INT64", (-1, -1)), TensorSpec("last_hidden_state", "FP32", (-1, -1, 384))]
    watched = Watched(Signature((spec[0],), (spec[1],), BatchAxis(True), "fake", "fake"))
    runs = []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        drift, feedback, rises = ModelDrift("m", Drift(), 0), Feedback(0), list[DriftEvent]()

        def ask(lot: list[SampleRecord], rows: int) -> None:
            for start in range(0, rows, 64):
                drawn = [lot[i] for i in random.integers(0, len(lot), min(64, rows - start))]  # noqa: B023 used at once
                rises.extend(each for each in drift.add(1, watched, drawn, feedback) if isinstance(each, DriftEvent))  # noqa: B023

        ask(lots[0], REFERENCE + 20 * WINDOW)
        before = len(rises)
        ask(lots[1], WINDOW)
        runs.append(
            {
                "alarms before": before,
                "features in alarm after one window": len(rises) - before,
                "mmd": sorted({each.feature for each in rises[before:] if each.test == "mmd"}),
            }
        )
    print("text", runs, flush=True)
    return {"sentences": [len(lot) for lot in lots], "runs": runs}


def _sentences(text: str) -> list[str]:
    found = [each.strip() for each in re.split(r"(?<=[.:])\s+", re.sub(r"[`*_\[\]()|#]", " ", text))]
    return [each for each in dict.fromkeys(found) if 40 <= len(each) <= 250][:600]


def _embedded(texts: Sequence[str]) -> list[SampleRecord]:
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MINILM / "tokenizer.json"))
    tokenizer.no_padding()
    session = onnxruntime.InferenceSession(MINILM / "1" / "int8.onnx", providers=["CPUExecutionProvider"])
    records = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        more = {"attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (hidden,) = session.run(None, {"input_ids": ids, **more})
        pair = (_copied(from_array("input_ids", ids)),), (_copied(from_array("last_hidden_state", hidden)),)
        records.append(SampleRecord(ModelVersion("m", 1), "", "", *pair, 0, None))
    return records


def _cost(width: int, rounds: int = 5) -> dict[str, float]:
    """Of requests of one row each, everything from the tensors on: the least of several rounds, and its steps."""
    random = np.random.default_rng(0)
    model = Model(width, classes=3)
    records = [model.record(row[None]) for row in normal(random, REFERENCE + WINDOW, width)]
    lots = [records[start : start + 64] for start in range(0, len(records), 64)]
    for lot in lots:
        list(model.add(lot))
    taken, steps = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        for lot in lots:
            last = time.perf_counter()
            for _ in model.add(lot):
                now = time.perf_counter()
                steps.append(now - last)
                last = now
        taken.append((time.perf_counter() - began) / len(records) * 1e6)
    watched = sum(len(model.drift.versions[1].plan.names(side)) for side in SIDES)
    steps.sort()
    figures = {
        "features": watched,
        "us": round(min(taken), 2),
        "longest step, ms": round(steps[-1] * 1e3, 2),
        "step, 99 of 100, ms": round(steps[int(len(steps) * 0.99)] * 1e3, 2),
    }
    print("cost", figures, flush=True)
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="", help="beginnings of sections, with commas between")
    return parser.parse_args()


if __name__ == "__main__":
    main()
