"""Which rows of a model may share a run: found when its file is first loaded, and kept, for trying takes a while."""

import asyncio
import hashlib
import importlib.metadata
from collections.abc import Callable
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

    async def of(self, manifest: Manifest, *asked: object) -> BatchAxis | None:
        """What an earlier load has found; None where it has to be found. `asked` is what it depends on beside."""
        return await asyncio.to_thread(self._read, manifest, asked) if self._is_kept(manifest) else None

    async def keep(self, manifest: Manifest, axis: BatchAxis, *asked: object) -> None:
        """For the next load; what is yet to be learned from a request is not kept."""
        if self._is_kept(manifest) and not axis.pending:
            await asyncio.to_thread(self._write, manifest, axis, asked)

    def _is_kept(self, manifest: Manifest) -> bool:
        """One that is read as it is, by a library whose version is known."""
        return self._store is not None and manifest.runtime in LIBRARIES and manifest.path.is_file()

    def _read(self, manifest: Manifest, asked: tuple[object, ...]) -> BatchAxis | None:
        key = _key(manifest, asked)
        said = self._store.read_json(key, self._wall_s()) if self._store and key else None
        try:
            return msgspec.convert(said[0]["axis"], BatchAxis) if said and is_fresh(said[1]) else None
        except (msgspec.ValidationError, TypeError, KeyError):
            return None

    def _write(self, manifest: Manifest, axis: BatchAxis, asked: tuple[object, ...]) -> None:
        if self._store and (key := _key(manifest, asked)):
            self._store.write(key, {"axis": msgspec.to_builtins(axis)})


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
        version = importlib.metadata.version(LIBRARIES[manifest.runtime])
    except (OSError, importlib.metadata.PackageNotFoundError):
        return ""
    said = manifest.batching, manifest.inputs, manifest.outputs, manifest.parameters, manifest.device
    return f"{latency_key([digest.hexdigest(), manifest.runtime, version, *said, *asked])}-axis"
