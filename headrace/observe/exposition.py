"""Prometheus' text format 0.0.4: families of samples as lines."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]

_MOST_DIGITS = 6  # before the point; larger bounds are written with an exponent
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Family(msgspec.Struct, frozen=True):
    """What all samples of one name have in common. `text` is one line that ends with a full stop."""

    name: str
    kind: Kind
    text: str

    def lines(self, samples: Iterable[tuple[str, float]]) -> list[str]:
        """The family with its samples, each a result of `labels` and a value; nothing where there is none."""
        return list(self.each(samples))

    def each(self, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
        """The same, one after another as they are asked for."""
        begun = False
        for label, value in samples:
            if not begun:
                begun = True
                yield self.head
            yield f"{self.name}{label} {number(value)}"

    def histogram(self, blocks: Iterable[str]) -> list[str]:
        """The family with histograms, each a filled result of `histogram_block`."""
        blocks = list(blocks)
        return [self.head, *blocks] if blocks else []

    def histograms(self, bounds: Sequence[float], filled: Iterable[tuple[str, Sequence[int], float]]) -> list[str]:
        """The same from labels, cumulative counts (one more than there are bounds) and sum of each."""
        return self.histogram(
            histogram_block(self.name, label, bounds) % (*counts, total, counts[-1]) for label, counts, total in filled
        )

    @property
    def head(self) -> str:
        """The two lines before the samples: what `openmetrics` writes another way."""
        return f"# HELP {self.name} {self.text}\n# TYPE {self.name} {self.kind}"


def escaped(value: str) -> str:
    """A label's value as it stands between its quotes."""
    return value.translate(_ESCAPES)


def labels(pairs: Mapping[str, str]) -> str:
    """Labels as they stand after a name, values escaped; empty where there is none."""
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in pairs.items()) + "}" if pairs else ""


def number(value: float) -> str:
    """A value as Prometheus reads it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)


def bound(value: float) -> str:
    """A bucket's upper bound, as both formats and every Prometheus write it: one series whichever is asked for."""
    text = repr(float(value))
    whole, _, fraction = text.partition(".")
    if len(whole) <= _MOST_DIGITS or not whole.isdigit():
        return text
    digits = (whole + fraction).rstrip("0")
    return f"{digits[0]}.{digits[1:]}e+{len(whole) - 1:02d}".replace(".e", "e")


def histogram_block(name: str, label: str, bounds: Sequence[float]) -> str:
    """The lines of one histogram with `%` places: the cumulative counts, the sum, the count.

    A page of many models is mostly such lines, and filling a template costs a tenth of joining labels anew.
    """
    inner = label.replace("%", "%%")[1:-1]
    comma = "," if inner else ""
    limits = [*map(bound, bounds), "+Inf"]
    buckets = [f'{name}_bucket{{{inner}{comma}le="{limit}"}} %d' for limit in limits]
    tail = f"{{{inner}}}" if inner else ""
    return "\n".join([*buckets, f"{name}_sum{tail} %r", f"{name}_count{tail} %d"])
