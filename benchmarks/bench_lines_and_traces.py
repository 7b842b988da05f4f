"""What lines and traces of requests cost a server: with all lines by default and one trace in a hundred, or without.

    python -m benchmarks.bench_lines_and_traces [--pairs 8] [--seconds 3]

Two servers of a model that does nothing, one with JSON lines to a file and traces to a collector, the other without
lines of requests and without traces, are asked by sixteen clients in turns; the figure is what the first answers for
each request that the other does. Load and collector are on the same machine.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench_profile import rate
from benchmarks.results import keep, spread
from tests.collector.receiver import over_http
from tests.e2e.conftest import add_fake
from tests.program import ANY_PORTS, serving


def main() -> None:
    arguments = _arguments()
    with TemporaryDirectory() as folder, over_http() as (receiver, collector):
        repository = Path(folder) / "models"
        repository.mkdir()
        add_fake(repository, "rows")
        on = (f"log.file={folder}/on", "log.format=json", f"trace.endpoint={collector}")
        off = (f"log.file={folder}/off", "log.max_per_s=0")
        with (
            serving(repository, *ANY_PORTS, *_flags(on)) as first,
            serving(repository, *ANY_PORTS, *_flags(off)) as second,
        ):
            addresses = [f"http://{program.http}" for program in (first, second)]
            for address in addresses:
                rate(address, 1)
            ratios, rates = list[float](), list[float]()
            for _ in range(arguments.pairs):
                watched, unwatched = (rate(address, arguments.seconds) for address in addresses)
                ratios.append(watched / unwatched)
                rates.append(unwatched)
        lines = (Path(folder) / "on").read_bytes().count(b"\n")
    figures = {"rate_with_for_without": spread(ratios), "rate_without": spread(rates)}
    keep("lines_and_traces", {"pairs": arguments.pairs, **figures, "lines": lines, "spans": len(receiver.spans)})


def _flags(settings: tuple[str, ...]) -> list[str]:
    return [flag for setting in settings for flag in ("--set", setting)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
