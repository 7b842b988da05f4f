"""What runs of a model take, kept on disk for the next start.

One small file for each model as it is run on this kind of machine. A file is whole or not there; one that cannot be
read is as if it were not there, and is written anew. A folder that cannot be written costs a sweep and nothing else.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from headrace.batching.latency import Latency

MOST_BYTES = 16 << 20
"""Of all files; those not written for longest go first."""

LOOK = 1 / 64
"""Of that, written since it was looked last whether there is room: among thousands of files, a look takes a while."""

LARGEST_BYTES = 256 << 10
"""Of one file that is read."""

FRESH_S = 30 * 86400.0
"""How long what is kept stands in for a sweep; after that a machine may have changed in ways its name does not say."""

SAMPLE = 64 << 10
SAMPLES = 16


def is_fresh(age_s: float) -> bool:
    """Whether what was found so long ago need not be found out again."""
    return 0 <= age_s <= FRESH_S


class Kept(NamedTuple):
    """What was known when it was written."""

    latency: Latency
    age_s: float

    @property
    def fresh(self) -> bool:
        """Whether a sweep may be left out."""
        return is_fresh(self.age_s)


class LatencyStore:
    """A folder of latencies by key; None: nothing is kept. It may be called on any thread."""

    def __init__(self, folder: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._unseen_bytes = most_bytes  # written since the last look; others may have written before the first

    def read(self, key: str, now_s: float) -> Kept | None:
        """The latency that is kept under that key."""
        said = self.read_json(key, now_s)
        with contextlib.suppress(ValueError, TypeError, KeyError):
            return None if said is None else Kept(Latency.from_json(said[0]), said[1])
        return None

    def read_json(self, key: str, now_s: float) -> tuple[Any, float] | None:
        """What is kept under that key, and how many seconds ago it was written, by the clock on the wall."""
        if self._folder is None:
            return None
        try:
            with self._file(self._folder, key).open("rb") as file:
                text, written_s = file.read(LARGEST_BYTES + 1), os.fstat(file.fileno()).st_mtime
            return None if len(text) > LARGEST_BYTES else (json.loads(text), now_s - written_s)
        except (OSError, ValueError, RecursionError):
            return None

    def write(self, key: str, kept: Mapping[str, Any]) -> None:
        """Keep what `Latency.to_json` gave, or something else that is small."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._file(self._folder, key)
            descriptor, beside = tempfile.mkstemp(prefix=".latency-", dir=self._folder)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(json.dumps(kept))
                Path(beside).replace(path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
            self._unseen_bytes += path.stat().st_size
            if self._unseen_bytes >= LOOK * self._most_bytes:
                self._unseen_bytes = 0
                self._make_room(self._folder, path)

    def _make_room(self, folder: Path, written: Path) -> None:
        with os.scandir(folder) as entries:
            found = [(each.name, each.stat()) for each in entries if each.name.startswith(_KEPT)]
        left = self._most_bytes
        for name, stat in sorted(found, key=lambda each: (each[0] == written.name, each[1].st_mtime), reverse=True):
            left -= stat.st_size
            if left < 0 and name != written.name:
                (folder / name).unlink(missing_ok=True)

    @staticmethod
    def _file(folder: Path, key: str) -> Path:
        return folder / f"latency-{key}.json"


_KEPT = ("latency-", ".latency-")  # the latter left by a process that was killed


def latency_key(parts: Iterable[object]) -> str:
    """A name for a model as it is run: its digest, runtime and version, device, processor, threads, precision."""
    return hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()[:40]


def model_digest(path: Path) -> str:
    """Of a model's file, or of all in its folder: names, sizes and pieces from begin to end, read in milliseconds.

    Two models that differ only between those pieces are of one architecture, and take the same time. Raises OSError.
    """
    digest = hashlib.sha256()
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path) if file != path else ''} {size}\n".encode())
        with file.open("rb") as content:
            for piece in range(SAMPLES):
                content.seek(max(size - SAMPLE, 0) * piece // (SAMPLES - 1))
                digest.update(content.read(SAMPLE))
    return digest.hexdigest()[:40]


def model_kind(path: Path) -> str:
    """What a model's file has in common with others of its architecture: nearly their size. Empty where it is gone."""
    try:
        return f"{path.suffix} {path.stat().st_size:.2e}"
    except OSError:
        return ""
