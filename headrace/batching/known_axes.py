"""Which rows of a model may share a run: found when its file is first loaded, and kept, for trying takes a while."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from time import time

import msgspec

from headrace.batching.latency_store import LatencyStore, is_fresh, latency_key
from headrace.runtimes.external_data import external_data
from headrace.runtimes.load import Found
from headrace.types import Manifest, Padding

MOST_BYTES = 1 << 30  # of files that are read through to know a model again; a larger one is tried anew
KEPT = ("onnx", "openvino")  # what is read as it is, by a library whose version is known

TRIED = 3  # grows where rows are tried in another way, so that what an older server has found is found anew


class KnownAxes:
    """What was found of each file as it is run, among the latencies."""

    def __init__(self, folder: Path | None, wall_s: Callable[[], float] = time) -> None:
        """None: nothing is kept."""
        self._store = LatencyStore(folder)
        self._wall_s = wall_s

    def of(self, key: str) -> Found | None:
        """What an earlier load has found; None where it has to be found."""
        said = self._store.read_json(key, self._wall_s()) if key else None
        try:
            return msgspec.convert(said[0], Found) if said and is_fresh(said[1]) else None
        except msgspec.ValidationError:
            return None

    def keep(self, key: str, found: Found) -> None:
        """For the next load; what is yet to be learned from a request is not kept."""
        if key and not found.axis.pending:
            self._store.write(key, msgspec.to_builtins(found))


def may_be_known(manifest: Manifest) -> bool:
    """Whether what is found of such a file is kept at all."""
    return manifest.runtime in KEPT and manifest.path.is_file()


def is_said(manifest: Manifest) -> bool:
    """Whether its configuration says which rows may share a run, so that nothing is to be found of the file."""
    said = manifest.batching
    return said.enabled is not None and not isinstance(said.pad, Padding)


def content_of(manifest: Manifest) -> str:
    """A digest of all bytes of the model's file and of those beside it that hold its weights, which are read through;
    empty where they cannot be, where it cannot be told which they are, or where they are too large."""
    digest = hashlib.sha256()
    try:
        files = [manifest.path, *external_data(manifest.path)]
        if sum(file.stat().st_size for file in files) > MOST_BYTES:
            return ""
        for path in files:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()


def axis_key(content: str, manifest: Manifest, library: str, *asked: object) -> str:
    """By which a file is known, with the library's version, what its manifest says of it, and what else is `asked`;
    empty where its content is."""
    said = manifest.batching, manifest.inputs, manifest.outputs, manifest.parameters, manifest.device
    return f"{latency_key([TRIED, content, library, *said, *asked])}-axis" if content else ""
