"""What the flags of verbs that make load have in common: numbers, shares, arrivals, and files to write."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from headrace.arrivals import POISSON, Arrival, Gamma, parse_process, read_trace, trace_form
from headrace.cli.failure import Failure

T = TypeVar("T")
MOST_RATE = 1e7


def numbers(flag: str, text: str, most: float) -> list[float]:
    """Of a list with commas. Raises Failure where one is not above 0, or above `most`."""
    found = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = float("nan")
        if not 0 < value <= most:
            raise Failure(f"{flag} {text}: {part!r} is not a number above 0, up to {most:,.0f}", exit_code=2)
        found.append(value)
    return found


def read_arrivals(options: Namespace) -> tuple[Gamma, tuple[Arrival, ...]]:
    """What `--arrivals` says: a process, or the arrivals of a trace, beside which the process is of no account."""
    kind, _, file = options.arrivals.partition(":")
    trace = _trace(Path(file)) if kind == "trace" else ()
    if trace and options.lengths:
        raise Failure("a trace has lengths of its own: leave --lengths out", exit_code=2)
    if trace and options.rows > 1:
        raise Failure("a trace has rows of its own: leave --rows out", exit_code=2)
    return POISSON if trace else or_fail("--arrivals ", lambda: parse_process(options.arrivals)), trace


def rate_of(trace: Sequence[Arrival]) -> float:
    """Requests a second, as they were recorded."""
    span_s = trace[-1].offset_s
    return len(trace) / span_s if span_s > 0 else float(len(trace))


def check_between(options: Namespace, flags: Iterable[str], low: float, high: float, right: str) -> None:
    """Raises Failure where one of these flags is given and does not lie between the two."""
    for flag in flags:
        value = getattr(options, flag)
        if value is not None and not low < value < high:
            raise wrong(flag, value, right)


def check_search(options: Namespace, example: str) -> None:
    """Seed, and what a search for the highest rate goes by; `example` is a good precision."""
    if options.seed < 0:
        raise wrong("seed", options.seed, "it is 0 or more")
    if not 0 < options.attainment < 1:
        raise wrong("attainment", options.attainment, "it is a share between 0 and 1, like 0.99")
    if not 0.001 <= options.precision <= 1:
        raise wrong("precision", options.precision, f"it is a share from 0.001 to 1, like {example}")


def check_together(options: Namespace, refusals: Iterable[tuple[object, str]], files: Iterable[str]) -> None:
    """Raises Failure for the first that is wrong, or for a file to write whose folder is not there."""
    for is_wrong, message in refusals:
        if is_wrong:
            raise Failure(message, exit_code=2)
    for flag in files:
        path = getattr(options, flag)
        if path and str(path) != "-" and not Path(path).absolute().parent.is_dir():
            raise Failure(f"--{flag} {path}: there is no folder {Path(path).parent}", exit_code=2)


def wrong(flag: str, value: object, right: str) -> Failure:
    """A flag's value is not what it may be."""
    return Failure(f"--{flag.replace('_', '-')} {value}: {right}", exit_code=2)


def or_fail(where: str, make: Callable[[], T]) -> T:
    """What is made, a ValueError being the command line's fault."""
    try:
        return make()
    except ValueError as error:
        raise Failure(f"{where}{error}", exit_code=2) from error


def _trace(path: Path) -> tuple[Arrival, ...]:
    where = f"--arrivals trace:{path}"
    form = or_fail("--arrivals ", lambda: trace_form(str(path)))
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Failure(f"{where}: {said}", exit_code=2) from error
    return tuple(or_fail(f"{where}: ", lambda: read_trace(text, form)))
