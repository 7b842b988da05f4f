"""Triton's own load generator, run for a moment and read."""

import csv
import subprocess
import tempfile
from pathlib import Path

import msgspec
import perf_analyzer

BINARY = Path(perf_analyzer.__file__).parent / "bin" / "perf_analyzer"


class Load(msgspec.Struct, frozen=True):
    """What it measured; microseconds."""

    per_second: float
    p50_us: float
    p99_us: float
    queue_us: float  # as the server tells of itself
    compute_us: float


def measure(model: str, protocol: str, address: str, clients: int, arguments: list[str], windows: int = 3) -> Load:
    """Closed-loop load of so many clients, in windows of a second. Raises RuntimeError with its output if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.csv"
        command = [str(BINARY), "-m", model, "-i", protocol, "-u", address, "--concurrency-range", str(clients)]
        command += ["-p", "1000", "-r", str(windows), "-s", "999", "-f", str(report), "--verbose-csv", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if not report.exists():
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        (row,) = csv.DictReader(report.read_text().splitlines())
    compute = sum(float(row[f"Server Compute {step}"]) for step in ("Input", "Infer", "Output"))
    return Load(
        float(row["Inferences/Second"]),
        float(row["p50 latency"]),
        float(row["p99 latency"]),
        float(row["Server Queue"]),
        compute,
    )
