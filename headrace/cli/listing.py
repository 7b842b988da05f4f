"""Model versions as a table or as JSON: what each is, what it takes and gives, and where that is known from."""

from collections.abc import Iterable
from typing import Any

import msgspec
from rich.table import Table

from headrace.cli.console import table
from headrace.models.registry import Served
from headrace.types import FREE, BatchAxis, Manifest, Signature, TensorSpec, VersionStatus


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


def as_table(versions: Iterable[Listed]) -> Table:
    """One row a version; a version that cannot be served says why."""
    made = table("name", "version", "state", "runtime", "inputs", "outputs", "batch axis", "from")
    for each in versions:
        status, signature = each.status, each.signature
        version = "" if status.version is None else str(status.version)
        if signature is None:
            state = f"{status.state}: {status.reason}" if status.reason else status.state
            runtime = each.manifest.runtime if each.manifest else ""
            made.add_row(status.name, version, state, runtime, "", "", "", _origin(each.manifest))
        else:
            inputs, outputs = _specs(signature.inputs), _specs(signature.outputs)
            batch = batch_in_words(signature.batch)
            row = status.state, signature.runtime, inputs, outputs, batch, _origin(each.manifest)
            made.add_row(status.name, version, *row)
    return made


def as_json(versions: Iterable[Listed]) -> str:
    """A JSON array with an object for each version."""
    return msgspec.json.format(msgspec.json.encode([_object(each) for each in versions])).decode()


def batch_in_words(axis: BatchAxis) -> str:
    """Whether rows are joined, and what was found when that was tried."""
    if axis.pending:
        return "learned from the first request"
    if not axis.batched:
        return f"none: {axis.why}" if axis.why else "none"
    found = axis.why or "rows are equal alone and together"
    by = f"; they differ by {axis.difference:.1e}" if axis.difference else ""
    return f"up to {axis.max_size} rows: {found}{by}"


def spec_in_words(spec: TensorSpec) -> str:
    """As in `ids INT64 [?, 64]`; a `?` is any size."""
    shape = ", ".join("?" if size == FREE else str(size) for size in spec.shape)
    return f"{spec.name} {spec.datatype} [{shape}]{' optional' if spec.optional else ''}"


def _specs(specs: Iterable[TensorSpec]) -> str:
    return "\n".join(spec_in_words(spec) for spec in specs)


def _origin(manifest: Manifest | None) -> str:
    """What each place gave: `model.toml: instances, threads`."""
    if manifest is None:
        return ""
    by_source: dict[str, list[str]] = {}
    for key, source in manifest.provenance.items():
        by_source.setdefault(source, []).append(key)
    lines = [f"{source}: {', '.join(sorted(keys))}" for source, keys in by_source.items() if source != "default"]
    return "\n".join((*lines, *(f"warning: {warning}" for warning in manifest.warnings))) or manifest.path.name


def _object(each: Listed) -> dict[str, Any]:
    manifest, signature = each.manifest, each.signature
    made: dict[str, Any] = msgspec.to_builtins(each.status)
    if manifest is not None:
        made |= {"path": str(manifest.path), "runtime": manifest.runtime}
        made |= {"provenance": dict(manifest.provenance), "warnings": manifest.warnings}
    if signature is not None:
        made |= msgspec.to_builtins(signature)
    return made
