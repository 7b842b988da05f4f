"""Which rows of a model may share a run: found when its file is first loaded, and kept, for trying takes a while."""

import asyncio
import hashlib
import importlib.metadata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import time

import msgspec

from headrace.batching.latency_store import LatencyStore, is_fresh, latency_key
from headrace.types import BatchAxis, Manifest

MOST_BYTES = 1 << 30  # of a file that is read through to know it again; a larger one is tried anew
LIBRARIES = {"onnx": "onnxruntime", "openvino": "openvino"}


class KnownAxes:
    """What was found of each file as it is run, among the latencies. A file is known by all of its bytes."""

    def __init__(self, folder: Path | None, wall_s: Callable[[], float] = time) -> None:
        """None: nothing is kept."""
        self._store = None if folder is None else LatencyStore(folder)
        self._wall_s = wall_s

    async def key_of(self, manifest: Manifest, *asked: object) -> str:
        """By which a file is known, and what is `asked` of it beside what its manifest says; empty where nothing of it
        is kept: only of what is read as it is, by a library whose version is known. Reads the whole file."""
        if self._store is None or manifest.runtime not in LIBRARIES or not manifest.path.is_file():
            return ""
        return await asyncio.to_thread(_key, manifest, asked)

    async def of(self, key: str) -> BatchAxis | None:
        """What an earlier load has found; None where it has to be found."""
        return await asyncio.to_thread(self._read, self._store, key) if self._store and key else None

    async def keep(self, key: str, axis: BatchAxis) -> None:
        """For the next load; what is yet to be learned from a request is not kept."""
        if self._store and key and not axis.pending:
            await asyncio.to_thread(self._store.write, key, {"axis": msgspec.to_builtins(axis)})

    def _read(self, store: LatencyStore, key: str) -> BatchAxis | None:
        said = store.read_json(key, self._wall_s())
        try:
            return msgspec.convert(said[0]["axis"], BatchAxis) if said and is_fresh(said[1]) else None
        except (msgspec.ValidationError, TypeError, KeyError):
            return None


@cache
def _version(library: str) -> str:
    """Raises PackageNotFoundError; looked up once, for it reads files."""
    return importlib.metadata.version(library)


def _key(manifest: Manifest, asked: tuple[object, ...]) -> str:
    """Empty where the file cannot be read, or is too large to be."""
    files = [manifest.path, *manifest.path.parent.glob(f"{manifest.path.stem}.bin")]  # OpenVINO's weights lie beside
    digest = hashlib.sha256()
    try:
        if sum(file.stat().st_size for file in files) > MOST_BYTES:
            return ""
        for path in files:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        version = _version(LIBRARIES[manifest.runtime])
    except (OSError, importlib.metadata.PackageNotFoundError):
        return ""
    said = manifest.batching, manifest.inputs, manifest.outputs, manifest.parameters, manifest.device
    return f"{latency_key([digest.hexdigest(), manifest.runtime, version, *said, *asked])}-axis"
