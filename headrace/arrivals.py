"""When requests come and how large they are: arrival processes, distributions of length, recorded traces. No I/O.

A trace is CSV with a head line, or a JSON object a line; both have the same four names:

offset_s   seconds from the start, never going back
rows       of the request; 1 where it is left out
length     of each row, in tokens or along the free dimension; 0 or left out where none is known
tenant     who asks; may be left out
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.tenants import MAX_NAME, is_tenant

Form = Literal["csv", "jsonl"]
COLUMNS = "offset_s", "rows", "length", "tenant"
MAX_TRACE_S = 366 * 86_400
MOST_ARRIVALS = 20_000_000
"""Of one load: they are all drawn before it begins."""


class Arrival(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One request: when it comes, and what is known of its size."""

    offset_s: Annotated[float, msgspec.Meta(ge=0)]
    rows: Annotated[int, msgspec.Meta(ge=1)] = 1
    length: Annotated[int, msgspec.Meta(ge=0)] = 0
    tenant: str = ""


class Gamma(msgspec.Struct, frozen=True):
    """Gaps of a gamma distribution; `cv` is their deviation over their mean: 1 is Poisson's, 0 a steady beat."""

    cv: float = 1.0

    def gaps(self, rate: float, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Seconds between arrivals, `rate` a second on the average."""
        if self.cv == 0:
            return np.full(count, 1 / rate)
        shape = 1 / self.cv**2
        return random.gamma(shape, 1 / (rate * shape), count)


POISSON = Gamma(1.0)


class Lengths(msgspec.Struct, frozen=True):
    """Log-normal lengths, cut to `low` and `high`; all the same where sigma is 0."""

    median: float
    sigma: float = 0.0
    low: int = 1
    high: int = 1 << 20

    def draw(self, count: int, random: np.random.Generator) -> list[int]:
        """Whole lengths."""
        drawn = self.median * np.exp(self.sigma * random.standard_normal(count))
        return [int(length) for length in np.clip(np.rint(drawn), self.low, self.high)]


def parse_process(text: str) -> Gamma:
    """`poisson`, `steady` or `gamma:CV`. Raises ValueError that says what would be right."""
    kind, _, value = text.partition(":")
    if kind in ("poisson", "steady") and not value:
        return POISSON if kind == "poisson" else Gamma(0.0)
    if kind == "gamma":
        cv = _number(value)
        if cv is not None and 0.001 <= cv <= 100:
            return Gamma(cv)
        raise ValueError(
            f"gamma:{value}: the deviation of the gaps over their mean is from 0.001 to 100: gamma:2 (steady has none)"
        )
    raise ValueError(f"{text!r} is no arrival process; write poisson, steady, gamma:CV or trace:FILE")


def parse_lengths(text: str) -> Lengths:
    """`24`, or `lognormal:MEDIAN:SIGMA[:LOW:HIGH]`. Raises ValueError that says what would be right."""
    kind, *values = text.split(":")
    numbers = [_number(value) for value in (values if kind == "lognormal" else [text])]
    known = [number for number in numbers if number is not None]
    wrong = ValueError(f"{text!r} is no distribution of lengths; write 24, or lognormal:24:0.8:5:256")
    if len(known) < len(numbers):
        raise wrong
    if kind != "lognormal":
        if known[0] < 1 or known[0] != int(known[0]):
            raise ValueError(f"a length of {text}: it is a whole number, at least 1")
        return Lengths(known[0], 0.0, int(known[0]), int(known[0]))
    if len(known) not in (2, 4):
        raise wrong
    median, sigma, low, high = (*known, 1, 1 << 20)[:4]
    if median < 1 or not 0 <= sigma <= 10 or not 1 <= low <= high <= 1 << 20:
        raise ValueError(f"{text!r}: the median and LOW are at least 1, SIGMA is from 0 to 10, HIGH is not below LOW")
    return Lengths(median, sigma, int(low), int(high))


def make_arrivals(
    process: Gamma, rate: float, duration_s: float, *, seed: int, lengths: Lengths | None = None, rows: int = 1
) -> list[Arrival]:
    """All that come within the duration; the same for the same seed. Lengths are drawn apart from times, so that
    another rate has the same lengths in the same order."""
    times, sizes = (np.random.default_rng([seed, each]) for each in (0, 1))
    offsets: list[float] = []
    last = 0.0
    while last < duration_s:
        more = last + np.cumsum(process.gaps(rate, max(64, int(rate * duration_s * 0.25)), times))
        offsets += more.tolist()
        last = offsets[-1]
    offsets = [offset for offset in offsets if offset < duration_s]
    drawn = lengths.draw(len(offsets), sizes) if lengths else [0] * len(offsets)
    return [Arrival(offset, rows, length) for offset, length in zip(offsets, drawn, strict=True)]


def at_rate(arrivals: Sequence[Arrival], rate: float) -> list[Arrival]:
    """The same arrivals, their time stretched so that `rate` come a second on the average."""
    span_s = arrivals[-1].offset_s if arrivals else 0.0
    if span_s <= 0:
        return list(arrivals)
    factor = len(arrivals) / span_s / rate
    return [msgspec.structs.replace(each, offset_s=each.offset_s * factor) for each in arrivals]


def lasts_s(arrivals: Sequence[Arrival]) -> float:
    """How long arrivals are a load: until just behind the last, or a second where all come at once, which have no
    rate of their own."""
    span_s = arrivals[-1].offset_s if arrivals else 0.0
    return span_s + 1e-3 if span_s > 0 else 1.0


def within(arrivals: Sequence[Arrival], duration_s: float) -> list[Arrival]:
    """Those that come before the duration has passed."""
    return [each for each in arrivals if each.offset_s < duration_s]


def trace_form(name: str) -> Form:
    """By a file's name. Raises ValueError where it says nothing."""
    if name.endswith(".csv"):
        return "csv"
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    raise ValueError(f"{name}: a trace is a .csv or a .jsonl file")


def read_trace(text: str, form: Form) -> list[Arrival]:
    """A recorded trace. Raises ValueError that names the line at fault."""
    arrivals = list(_read_csv(text) if form == "csv" else _read_lines(text))
    if not arrivals:
        raise ValueError("there is no arrival in it")
    return [arrival for _, arrival in _in_order(arrivals)]


def write_trace(arrivals: Iterable[Arrival], form: Form) -> str:
    """What `read_trace` reads."""
    if form == "jsonl":
        return "".join(msgspec.json.encode(each).decode() + "\n" for each in arrivals)
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((f"{each.offset_s:.6f}", each.rows, each.length, each.tenant) for each in arrivals)
    return written.getvalue()


Numbered = tuple[int, Arrival]
"""A line's number, and what it says."""


def _read_lines(text: str) -> Iterator[Numbered]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line, type=Arrival)
            except msgspec.MsgspecError as error:
                raise ValueError(f"line {number}: {error}") from error


def _read_csv(text: str) -> Iterator[Numbered]:
    lines = csv.reader(io.StringIO(text))
    try:
        heading = [name.strip() for name in next(lines, [])]
        if "offset_s" not in heading or len(set(heading)) < len(heading) or not set(heading) <= set(COLUMNS):
            raise ValueError(
                f"line 1: the head line is {','.join(COLUMNS)}, of which all but the first may be left out"
            )
        for values in lines:
            if values:
                yield lines.line_num, _csv_arrival(heading, values, lines.line_num)
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: {error}") from error


def _csv_arrival(heading: Sequence[str], values: Sequence[str], number: int) -> Arrival:
    if len(values) != len(heading):
        raise ValueError(f"line {number}: {len(values)} values under {len(heading)} names")
    said: dict[str, Any] = {
        name: value.strip() for name, value in zip(heading, values, strict=True) if value.strip() or name == "offset_s"
    }
    try:
        return msgspec.convert(said, Arrival, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"line {number}: {error}") from error


def _in_order(arrivals: list[Numbered]) -> list[Numbered]:
    for number, arrival in arrivals:
        if not arrival.offset_s <= MAX_TRACE_S:
            raise ValueError(f"line {number}: offset_s is {arrival.offset_s:g}; it is seconds, at most {MAX_TRACE_S:,}")
        if arrival.tenant and not is_tenant(arrival.tenant):
            raise ValueError(
                f"line {number}: tenant is {arrival.tenant[:40]!r}; it has 1 to {MAX_NAME} printable characters"
            )
    for (_, before), (number, after) in pairwise(arrivals):
        if after.offset_s < before.offset_s:
            raise ValueError(f"line {number}: offset_s goes back from {before.offset_s:g} to {after.offset_s:g}")
    return arrivals


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
