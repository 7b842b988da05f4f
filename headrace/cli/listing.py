"""Model versions as a table or as JSON: what each is, what it takes and gives, and where that is known from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headrace.cli.console import table
from headrace.generation import LanguageFacts
from headrace.models.registry import Served
from headrace.printable import printable, printable_lines
from headrace.types import FREE, BatchAxis, Manifest, Objective, Signature, TensorSpec, Variant, VersionStatus

COLUMNS = "name", "version", "state", "runtime", "inputs", "outputs", "batch axis", "from"
BRIEF = 4  # of them fit on a line together
_OBJECTIVES = {
    "p99_ms": "p99 {:g} ms",
    "ttft_ms": "first token {:g} ms",
    "tpot_ms": "each token {:g} ms",
    "availability": "available {:.6g}",
}
TABLE_WIDTH = 140  # below it, cells of a table are too narrow to be read


class Listed(msgspec.Struct, frozen=True):
    """One version: its state, and as much as is known of it."""

    status: VersionStatus
    manifest: Manifest | None = None
    signature: Signature | None = None


def listed(index: Iterable[VersionStatus], served: Iterable[Served]) -> list[Listed]:
    """Every version of the index, with what is known of those that are served."""
    known = {(each.version.name, each.version.version): each for each in served}
    found = ((status, known.get((status.name, status.version or 0))) for status in index)
    return [Listed(status, each.manifest, each.signature) if each else Listed(status) for status, each in found]


def print_listing(versions: Sequence[Listed], console: Console, advice: str = "") -> None:
    """Print a table and below it what is wrong; or, on a console too narrow for that, a paragraph for each version.

    The advice is for where there is none.
    """
    if not versions:
        console.print(
            f"There are no models: put each in a folder of its own, as in NAME/model.onnx or NAME/1/model.onnx{advice}"
        )
        return
    if console.width < TABLE_WIDTH:
        for each in versions:
            _print_paragraph(each, console)
        return
    console.print(_as_table(versions))
    for each in versions:
        for kind, text in _notes(each):
            version = "" if each.status.version is None else f" {each.status.version}"
            console.print(f"{printable(each.status.name)}{version}: {kind}: {printable(text)}")


def as_json(versions: Iterable[Listed]) -> str:
    """A JSON array with an object for each version."""
    return msgspec.json.format(msgspec.json.encode([_object(each) for each in versions])).decode()


def batch_in_words(axis: BatchAxis) -> str:
    """Whether rows are joined, and what was found when that was tried."""
    if axis.pending:
        return "learned from the first request"
    if not axis.batched:
        return f"none: {axis.why}" if axis.why else "none"
    rows = f"up to {axis.max_size} rows: {axis.why or 'the same alone and together'}"
    lengths = padding_in_words(axis)
    return f"{rows}\n{lengths}" if lengths else rows


def padding_in_words(axis: BatchAxis) -> str:
    """Whether rows of several lengths are joined, and what was found; empty where they have one length."""
    if axis.pad is None:
        return f"not padded: {axis.unpadded}" if axis.unpadded else ""
    lengths = f", from {axis.pad.lengths[0]:,} to {axis.pad.lengths[1]:,}" if axis.pad.lengths else ""
    if axis.pad.packed:
        return f"one behind another along axis {axis.pad.axis}{lengths}, nothing filled up: {axis.pad.why}"
    return f"padded along axis {axis.pad.axis}{lengths}: {axis.pad.why}"


def language_in_words(facts: LanguageFacts) -> str:
    """As in `llama, context 8,192, int8 per channel; generate; by itself temperature 0.7, top_k 20`."""
    more = f" of {facts.longest_context:,} (more by llm.max_context)" if facts.longest_context else ""
    context = f"context {facts.max_context:,}{more}"
    draft = f"; drafts by {facts.draft}" if facts.draft else ""
    defaults = ", ".join(f"{name} {value}" for name, value in facts.defaults.said().items())
    by_itself = f"; by itself {defaults}" if defaults else ""
    return f"{facts.family}, {context}, {facts.precision}; {', '.join(facts.tasks)}{draft}{by_itself}"


def spec_in_words(spec: TensorSpec) -> str:
    """As in `ids INT64 [?, 64]`; a `?` is any size."""
    shape = ", ".join("?" if size == FREE else str(size) for size in spec.shape)
    return f"{spec.name} {spec.datatype} [{shape}]{' optional' if spec.optional else ''}"


def variant_in_words(variant: Variant, runtime: str = "") -> str:
    """As in `int8 0.9933 (int8.onnx, onnx)`, or with the `runtime` that one that was loaded has told."""
    return f"{variant.name} {variant.accuracy:g} ({variant.path.name}, {runtime or variant.runtime})"


def _as_table(versions: Iterable[Listed]) -> Table:
    made = table(*COLUMNS)
    for each in versions:
        made.add_row(*(Text(printable_lines(cell)) for cell in _cells(each)))
    return made


def _print_paragraph(each: Listed, console: Console) -> None:
    """Name, version, state and runtime on a line; the rest below it, each under its heading's name."""
    cells = _cells(each)
    console.print("  ".join(cell for cell in cells[:BRIEF] if cell), style="bold")
    rest = Table.grid(padding=(0, 2))
    for heading, cell in (*zip(COLUMNS[BRIEF:], cells[BRIEF:], strict=True), *_notes(each)):
        if cell:
            rest.add_row("", heading, Text(printable_lines(cell)))
    console.print(rest)
    console.print()


def _notes(each: Listed) -> Iterator[tuple[str, str]]:
    """What is wrong with a version, or was not honoured."""
    if each.status.reason:
        yield "reason", each.status.reason
    if each.manifest:
        if objective := _objective(each.manifest.objective):
            yield "objective", ", ".join(_OBJECTIVES[key].format(value) for key, value in objective.items())
        if each.manifest.variants:
            runtimes = each.signature.variant_runtimes if each.signature else {}
            told = [variant_in_words(variant, runtimes.get(variant.name, "")) for variant in each.manifest.variants]
            yield "variants", ", ".join(told)
        yield from (("warning", warning) for warning in each.manifest.warnings)


def _cells(each: Listed) -> tuple[str, ...]:
    """What stands in the columns, some of it in lines of its own; empty where it is not known."""
    status, manifest, signature = each.status, each.manifest, each.signature
    name, version = printable(status.name), "" if status.version is None else str(status.version)
    if signature is None:
        return name, version, status.state, manifest.runtime if manifest else "", "", "", "", _origin(manifest)
    inputs, outputs = (
        "\n".join(printable(spec_in_words(spec)) for spec in specs) for specs in (signature.inputs, signature.outputs)
    )
    batch = language_in_words(signature.language) if signature.language else batch_in_words(signature.batch)
    return name, version, status.state, signature.runtime, inputs, outputs, batch, _origin(manifest)


def _origin(manifest: Manifest | None) -> str:
    """The model's file, and what other files gave: `model.toml: instances, threads`."""
    if manifest is None:
        return ""
    by_source: dict[str, list[str]] = {}
    for key, source in manifest.provenance.items():
        if source not in ("default", "file"):
            by_source.setdefault(source, []).append(key)
    lines = (f"{source}: {', '.join(sorted(keys))}" for source, keys in by_source.items())
    return "\n".join(printable(each) for each in (manifest.path.name, *lines))


def _objective(objective: Objective) -> dict[str, float]:
    """What is promised of a version."""
    return {key: value for key, value in msgspec.structs.asdict(objective).items() if value is not None}


def _variant(variant: Variant) -> dict[str, Any]:
    return msgspec.structs.asdict(variant) | {"path": str(variant.path)}


def _object(each: Listed) -> dict[str, Any]:
    manifest, signature = each.manifest, each.signature
    made: dict[str, Any] = msgspec.to_builtins(each.status)
    if manifest is not None:
        made |= {"path": str(manifest.path), "runtime": manifest.runtime}
        made |= {"objective": _objective(manifest.objective)}
        made |= {"variants": [_variant(variant) for variant in manifest.variants]}
        made |= {"provenance": dict(manifest.provenance), "warnings": manifest.warnings}
    if signature is not None:
        made |= msgspec.to_builtins(signature) | {"warnings": (*made.get("warnings", ()), *signature.warnings)}
    return made
