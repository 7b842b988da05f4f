"""Decoders kept on disk as the CPU plug-in made them ready: the next start rounds no weights.

What is kept is the graph behind all rewriting, in the plug-in's own operations; compiling it takes half the time and
computes the same bits. It is private to OpenVINO like the paged pass: where it cannot be had, or not be read back,
models are built and compiled as if there were no folder. A file is whole or not there, and one that others may have
written is as if it were not; a folder that cannot be read or written costs time and nothing else.
"""

import contextlib
import hashlib
import mmap
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import openvino as ov

from headrace.graphs.capped_attention import CappedAttention
from headrace.kernels.library import is_ours
from headrace.kernels.operations import NOTHING, constants, own_constants
from headrace.runtimes.openvino_one_thread import for_one_thread, has_one_core

MOST_BYTES = 32 << 30
"""Of all graphs kept; those not used for longest go first."""

MOST_OF_FREE = 0.5
"""Of the disk's free space, that one more graph may take."""

HERE = Path(__file__).parent
SOURCES = (HERE.parent / "graphs", HERE.parent / "kernels", HERE.parent / "weights", HERE)
"""What decides how a graph comes out: another line in these is another graph."""

PLUGIN = Path(ov.__file__).parent / "libs" / "libopenvino_intel_cpu_plugin.so"
"""Knows the operations of a graph that it has made ready."""

BESIDE = ".graph-"  # how folders of graphs that are being written begin
LEFT_S = 3600.0
LEAST_PRIORITY = 19  # of a thread, as nice has it
BEFORE_WEIGHTS = b"</cnndata>\n"
GRAPH_BEGIN, GRAPH_END = b'<?xml version="1.0"?>\n<net ', b"</net>"


Beside = Callable[[Callable[[], None]], object]
"""Has what it is given done, now or later."""


class GraphCache:
    """A folder of graphs by key; None: nothing is kept."""

    def __init__(
        self,
        folder: Path | None,
        most_bytes: int = MOST_BYTES,
        beside: Beside = lambda keep: keep(),
    ) -> None:
        """`beside` has a graph written in the end; it may do so later, or on another thread."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._beside = beside
        self._constants = NOTHING  # of a graph with operations of ours, which was compiled last

    def compiled(
        self,
        key: str,
        options: Mapping[str, Any],
        build: Callable[[], ov.Model],
        complete: Callable[[ov.Model], None] = lambda model: None,
    ) -> ov.CompiledModel:
        """The model of that key, compiled for the CPU: from the folder, else built and kept there.

        `complete` adds to a graph that was read what its file does not hold. Raises what `build` raises, and
        RuntimeError where what it built cannot be compiled.
        """
        path = self._path(key)
        with contextlib.suppress(RuntimeError, OSError):
            if path is not None and _is_there(path):
                model = _kept(path)
                self._constants = constants(model)
                complete(model)
                compiled = compile_graph(model, options)
                os.utime(path)
                return compiled
        model = build()
        self._constants = constants(model)
        if path is not None:
            with contextlib.suppress(RuntimeError, OSError):
                return self._compiled_and_kept(model, options, path)
        return compile_graph(model, options)

    def holds(self, key: str) -> bool:
        """Whether there is one of that key, good or not, that nobody else can have written."""
        path = self._path(key)
        return path is not None and _is_there(path)

    def read(self, key: str) -> ov.Model:
        """The graph of that key as it was kept; what its file does not hold is to be added. Raises RuntimeError.

        With operations of ours, it has the constants in common with what was compiled last, where they are the same.
        """
        path = self._path(key)
        if path is None or not _is_there(path):
            raise RuntimeError("nothing is kept")
        return _kept(path, self._constants)

    def _path(self, key: str) -> Path | None:
        return self._folder / f"graph-{key}.xml" if self._folder is not None else None

    def _compiled_and_kept(self, model: ov.Model, options: Mapping[str, Any], path: Path) -> ov.CompiledModel:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _constant_bytes(model) * 2 > shutil.disk_usage(path.parent).free * MOST_OF_FREE:
            return compile_graph(model, options)
        exported = Path(tempfile.mkdtemp(prefix=BESIDE, dir=path.parent))
        try:
            asked = {**options, "CACHE_DIR": str(exported), "CACHE_ENCRYPTION_CALLBACKS": [_as_it_is, _as_it_is]}
            compiled = compile_graph(model, asked)
        except BaseException:
            shutil.rmtree(exported, ignore_errors=True)
            raise
        self._beside(partial(self._keep, exported, path))
        return compiled

    def _keep(self, exported: Path, path: Path) -> None:
        """Divide what the plug-in exported to this folder, which goes."""
        try:
            with contextlib.suppress(OSError, ValueError):
                for blob in exported.glob("*.blob"):
                    beside = exported / f"{secrets.token_hex(4)}.xml"
                    divide(blob, beside)
                    for file in (beside, beside.with_suffix(".bin")):
                        file.chmod(0o600)  # whatever the umask: what others may write is not read
                    beside.with_suffix(".bin").replace(path.with_suffix(".bin"))  # first: an .xml alone is not read
                    beside.replace(path)
                    self._make_room(path)
        finally:
            shutil.rmtree(exported, ignore_errors=True)

    def _make_room(self, kept: Path) -> None:
        assert self._folder is not None
        found = [(file, file.stat().st_mtime, _bytes(file)) for file in self._folder.glob("graph-*.xml")]
        for file in too_many([each for each in found if each[0] != kept], self._most_bytes - _bytes(kept)):
            file.unlink(missing_ok=True)
            file.with_suffix(".bin").unlink(missing_ok=True)
        for left in self._folder.glob(f"{BESIDE}*"):  # by a process that was killed
            if left.stat().st_mtime < time.time() - LEFT_S:
                shutil.rmtree(left, ignore_errors=True)


def compile_graph(model: ov.Model, options: Mapping[str, Any]) -> ov.CompiledModel:
    """For the CPU, by the library that reads what is kept. Raises RuntimeError."""
    return _core().compile_model(for_one_thread(model, options), "CPU", dict(options))


def in_idle_time(keep: Callable[[], None]) -> threading.Thread:
    """Run it on a thread that gives way to all others; the process ends no sooner than it does."""

    def run() -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST_PRIORITY)
        keep()

    thread = threading.Thread(target=run, name="keep graph")
    thread.start()
    return thread


def divide(blob: Path, xml: Path) -> None:
    """Write what the plug-in exported as a graph, `xml`, and its weights, the .bin beside it.

    Raises ValueError where the file is not laid out as that of OpenVINO 2026.4: a head, the weights, the graph.
    """
    with blob.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin = content.find(BEFORE_WEIGHTS, 0, 1 << 16)
        graph, end = content.rfind(GRAPH_BEGIN), content.rfind(GRAPH_END)
        if not 0 <= begin < graph < end:
            raise ValueError("the plug-in exports another form")
        xml.write_bytes(content[graph : end + len(GRAPH_END)])
        with memoryview(content) as bytes_, bytes_[begin + len(BEFORE_WEIGHTS) : graph] as weights:
            xml.with_suffix(".bin").write_bytes(weights)


def graph_key(parts: Iterable[object]) -> str:
    """A name for a graph made of these, by this source, this version of the library and on this kind of machine."""
    text = repr([ov.__version__, _sources(), _machine(), *parts])
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


@cache
def _core() -> ov.Core:
    """One that reads the plug-in's own operations, where the plug-in lies where it usually does, and ours."""
    core = ov.Core()
    core.add_extension(CappedAttention)
    with contextlib.suppress(RuntimeError):
        core.add_extension(str(PLUGIN))
    return core


@cache
def know(library: Path) -> None:
    """Read graphs with its operations from now on. Raises RuntimeError."""
    _core().add_extension(str(library))


def _is_there(path: Path) -> bool:
    """Whether both files of a graph are, and nobody else can have written them."""
    with contextlib.suppress(OSError):
        return is_ours(path) and is_ours(path.with_suffix(".bin"))
    return False


def _kept(path: Path, like: Mapping[str, Any] = NOTHING) -> ov.Model:
    """A graph that was kept, with constants of `like` where it has the same.

    Codes of 4 bits are marked again: they would be made 8 bits long when it is compiled.
    """
    model = _core().read_model(path)
    for node in model.get_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().bitwidth == 4:
            node.get_rt_info()["keep_const_precision_0"] = 1
    own_constants(model, like)
    return model


@cache
def _machine() -> str:
    """What the plug-in's choices of operations may depend on."""
    told = [_core().get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    return repr([*told, has_one_core()])


def _as_it_is(text: str) -> str:
    """Graphs are exported enciphered unless one says how."""
    return text


def _bytes(xml: Path) -> int:
    weights = xml.with_suffix(".bin")
    return xml.stat().st_size + (weights.stat().st_size if weights.exists() else 0)


def _constant_bytes(model: ov.Model) -> int:
    return sum(op.get_byte_size() for op in model.get_ops() if op.get_type_name() == "Constant")
