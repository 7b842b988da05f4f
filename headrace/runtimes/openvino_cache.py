"""Graphs kept on disk as they were built, so that the next start need not unpack and round the weights again.

What is kept is the graph before it is paged: the paged one cannot be read back (its operation has no name in any
set of operations). A file is whole or not there; a folder that cannot be read or written costs time and nothing else.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import openvino as ov

MOST_BYTES = 32 << 30
"""Of all graphs kept; those not used for longest go first."""

MOST_OF_FREE = 0.5
"""Of the disk's free space, that one more graph may take."""

SOURCES = (Path(__file__).parent.parent / "graphs", Path(__file__).parent.parent / "weights")
"""What decides how a graph comes out: another line in these is another graph."""


class GraphCache:
    """A folder of graphs by key; None: nothing is kept."""

    def __init__(self, folder: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def model(self, core: ov.Core, key: str, build: Callable[[], ov.Model]) -> ov.Model:
        """The graph of that key, read where it is kept, else built and kept. Raises what `build` raises."""
        if self._folder is None:
            return build()
        path = self._folder / f"graph-{key}.xml"
        if path.exists():
            with contextlib.suppress(RuntimeError, OSError):
                model = core.read_model(path)
                os.utime(path)
                return model
        model = build()
        with contextlib.suppress(RuntimeError, OSError):
            self._keep(model, path)
        return model

    def _keep(self, model: ov.Model, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f"{path.stem}.{os.getpid()}-{secrets.token_hex(4)}.xml")
        if _constant_bytes(model) > shutil.disk_usage(path.parent).free * MOST_OF_FREE:
            return
        try:
            ov.save_model(model, beside, compress_to_fp16=False)
            beside.with_suffix(".bin").replace(path.with_suffix(".bin"))  # first: an .xml alone must not be found
            beside.replace(path)
        finally:
            for left in (beside, beside.with_suffix(".bin")):
                left.unlink(missing_ok=True)
        self._make_room(path)

    def _make_room(self, kept: Path) -> None:
        assert self._folder is not None
        found = [(file, file.stat().st_mtime, _bytes(file)) for file in self._folder.glob("graph-*.xml")]
        for file in too_many([each for each in found if each[0] != kept], self._most_bytes - _bytes(kept)):
            file.unlink(missing_ok=True)
            file.with_suffix(".bin").unlink(missing_ok=True)


def graph_key(parts: Iterable[object]) -> str:
    """A name for a graph made of these, by this source and this version of the library."""
    text = repr([ov.__version__, _sources(), *parts])
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def too_many(found: Sequence[tuple[Path, float, int]], most_bytes: int) -> list[Path]:
    """Of (file, last used, bytes) those to remove, so that the rest, used last, takes at most `most_bytes`."""
    removed, total = [], 0
    for file, _, size in sorted(found, key=lambda each: each[1], reverse=True):
        total += size
        if total > most_bytes:
            removed.append(file)
    return removed


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for folder in SOURCES:
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _bytes(xml: Path) -> int:
    weights = xml.with_suffix(".bin")
    return xml.stat().st_size + (weights.stat().st_size if weights.exists() else 0)


def _constant_bytes(model: ov.Model) -> int:
    return sum(op.get_byte_size() for op in model.get_ops() if op.get_type_name() == "Constant")
