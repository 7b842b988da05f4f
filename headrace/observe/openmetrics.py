"""OpenMetrics 1.0: who asks for it, and what there is another way than in Prometheus' text.

Names that others query, Triton's and vLLM's, stay as they are letter by letter. OpenMetrics would have counters called
`..._total`, so there they are of type `unknown`; but for histograms, whose names it leaves alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
MEDIA_TYPE = "application/openmetrics-text"
END = "# EOF"

_THEIRS = ("nv_", "vllm:")
_TOTAL = "_total"
_BILLION = 1_000_000_000


class Exemplar(NamedTuple):
    """A request that fell into a bucket, by its trace."""

    trace_id: str
    value: float  # in the histogram's unit
    unix_ns: int


def is_wanted(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics to Prometheus' text; who names neither gets the text."""
    weights = dict.fromkeys((MEDIA_TYPE, "text/plain"), 0.0)
    for entry in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        if kind in weights:
            weights[kind] = max(weights[kind], _weight(parameters))
    return weights[MEDIA_TYPE] > 0.0 and weights[MEDIA_TYPE] >= weights["text/plain"]


def rewritten(parts: Iterable[str]) -> Iterator[str]:
    """The parts of a page of Prometheus' text as OpenMetrics has them: only heads differ, and there is an end."""
    for part in parts:
        yield _head(part) if part.startswith("# HELP ") else part
    yield END


def with_exemplars(block: str, exemplars: Mapping[int, Exemplar]) -> str:
    """One histogram's lines, buckets first, with what is known of some buckets, by their place."""
    lines = block.split("\n")
    for place, (trace_id, value, unix_ns) in exemplars.items():
        lines[place] += f' # {{trace_id="{trace_id}"}} {value!r} {unix_ns / _BILLION:.3f}'
    return "\n".join(lines)


def _head(head: str) -> str:
    """Two lines, `# HELP name text` and `# TYPE name kind`."""
    told, _, typed = head.partition("\n")
    _, _, name, text = told.split(" ", 3)
    kind = typed.rpartition(" ")[2]
    if name.startswith(_THEIRS):
        kind = kind if kind == "histogram" else "unknown"
    elif kind == "counter":
        name = name.removesuffix(_TOTAL)
    escaped = text.replace('"', '\\"')
    return f"# HELP {name} {escaped}\n# TYPE {name} {kind}"


def _weight(parameters: Iterable[str]) -> float:
    """What `q` says, from 0 to 1; one that cannot be read counts as not there."""
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                break
    return 1.0
