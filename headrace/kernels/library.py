"""The library of kernels: compiled by the machine's own compiler when it is first wanted, and kept.

It is made against the headers in the installed OpenVINO, whose C++ interface is that of one version; so it cannot come
with the package. `python -m headrace.kernels` makes it beside the package beforehand, so that no start waits for it.
Where there is no compiler, or no leave to use tiles, models are computed by OpenVINO's kernels.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import logging
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import msgspec
import openvino as ov  # before the library is loaded, which is linked to what this loads

log = logging.getLogger(__name__)

NEEDED = frozenset({"avx512f", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"})
"""Of the processor, in the words of /proc/cpuinfo."""

HERE = Path(__file__).parent
SOURCE, BESIDE = HERE / "source", HERE / "built"
MAIN = SOURCE / "operations.cpp"
COMPILERS = ("g++", "clang++", "c++")
VECTORS = ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512bf16", "bmi2", "fma")
TILES = ("amx-tile", "amx-int8", "amx-bf16")
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-shared", "-fPIC", *(f"-m{name}" for name in (*VECTORS, *TILES)))
LINKED = ("libopenvino.so.*", "libtbb.so.*")
LIMIT_S = 60.0  # of a compiler; it takes three seconds
ELF = b"\x7fELF"  # how every library begins
SIGNS = ("No space left", "atal", "error")
"""Of what a compiler prints, how lines that say why it failed are known; the first one tells most."""

SAYS_NO_WHY = ("ld returned", "linker command failed")
"""How the line behind the linker's is known."""

SUM_BYTES = hashlib.sha256().digest_size
ROOT = 0
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Library(msgspec.Struct, frozen=True):
    """`path` is the library; None where there is none, and `lacks` says to a person what it would take."""

    path: Path | None
    lacks: str = ""


NONE = Library(None)
"""There is none, and nothing lacks: this processor has no tiles, or nobody asks."""

FORBIDDEN = Library(None, "a system that lets processes use tiles (Linux 5.16)")


def library(folder: Path | None, features: Collection[str]) -> Library:
    """The kernels for a processor with these features, kept in `folder`; it takes seconds where they are not there yet.

    What is found is loaded for good. What is damaged is made anew, in `folder` where it cannot be beside the package.
    """
    if not NEEDED.issubset(features):
        return NONE
    beside = BESIDE / _name()
    if beside.exists():
        found = _library(beside)
        if found.path is not None or found == FORBIDDEN or folder is None:
            return found
    if folder is None:
        return Library(None, "a folder to keep them in (HOME or XDG_CACHE_HOME)")
    return _library(folder / _name())


def is_ours(path: Path) -> bool:
    """Whether nobody can have written what this process is about to trust but its user, root, and who wrote this
    package. Raises OSError where there is none."""
    told = path.stat()
    return told.st_uid in (os.geteuid(), ROOT, SOURCE.stat().st_uid) and not told.st_mode & OTHERS_WRITE


@cache
def _library(path: Path) -> Library:
    try:
        if path.exists() and not is_ours(path):
            return Library(None, f"{path} to be this user's, writable by no other")
        if not _is_whole(path):
            compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
            if compiler is None:
                return Library(None, "a C++ compiler (g++ 11 or later)")
            with _turn(path.parent):
                if not _is_whole(path):  # another process has made it meanwhile
                    _compile(compiler, path)
        may_use_tiles = ctypes.CDLL(str(path)).headrace_may_use_tiles
    except subprocess.CalledProcessError as error:
        return Library(None, f"a C++ compiler that can make them: {_reason(error.stderr)}")
    except subprocess.TimeoutExpired:
        return Library(None, f"a C++ compiler that makes them within {LIMIT_S:g} s")
    except (OSError, AttributeError) as error:
        return Library(None, f"a library that can be made and loaded: {error}")
    return Library(path) if may_use_tiles() else FORBIDDEN


def make() -> Library:
    """The kernels, beside the package; what was made of other sources goes. Raises no error: `lacks` tells."""
    with contextlib.suppress(OSError):
        BESIDE.mkdir(exist_ok=True)  # for all who run what is installed, whoever makes it
    for old in BESIDE.glob("kernels-*.so"):
        if old.name != _name():
            with contextlib.suppress(OSError):
                old.unlink()
    return _library(BESIDE / _name())


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Models that load beside each other wait for the one that compiles: it takes all cores."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _compile(compiler: str, path: Path) -> None:
    """Make the library, with its sum behind it; it is there whole or not at all. Raises OSError where none came out."""
    installed = Path(ov.__file__).parent
    descriptor, made = tempfile.mkstemp(prefix=".kernels-", suffix=".so", dir=path.parent)
    os.close(descriptor)
    try:
        libraries = [f"-l:{each.name}" for pattern in LINKED for each in sorted((installed / "libs").glob(pattern))[:1]]
        command = [compiler, *FLAGS, "-isystem", str(installed / "include"), str(MAIN), "-o", made]
        command += [f"-L{installed / 'libs'}", *libraries]
        log.info("compiling kernels for this processor, once: it takes seconds")
        _run(command)
        _seal(Path(made))
        Path(made).chmod(0o755)
        Path(made).replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(made).unlink()


def _run(command: list[str]) -> None:
    """Have the compiler print what `_reason` finds: its English, whatever bytes it quotes.

    Nothing that it started runs longer than LIMIT_S. Raises CalledProcessError and TimeoutExpired.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=True,
    ) as compiler:
        try:
            _, told = compiler.communicate(timeout=LIMIT_S)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(compiler.pid, signal.SIGKILL)
            raise
    if compiler.returncode:
        raise subprocess.CalledProcessError(compiler.returncode, command, stderr=told)


def _seal(made: Path) -> None:
    """Put the sum of what the compiler made behind it, where loading reads nothing, and all of it on the disk.

    In one file neither can be there without the other. Raises OSError where it is no library, or there is no room.
    """
    content = made.read_bytes()
    if not content.startswith(ELF):
        raise OSError("the compiler made none, and said nothing")
    with made.open("ab") as file:
        file.write(hashlib.sha256(content).digest())
        file.flush()
        os.fsync(file.fileno())


def _is_whole(path: Path) -> bool:
    """Whether there is what was sealed, to the last bit: what is damaged may kill the process that loads it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(content[:-SUM_BYTES]).digest() == content[-SUM_BYTES:]


@cache
def _name() -> str:
    """Other sources, flags or another OpenVINO make another library."""
    digest = hashlib.sha256(repr([ov.__version__, platform.machine(), sys.platform, FLAGS]).encode())
    for file in sorted(SOURCE.iterdir()):
        digest.update(file.read_bytes())
    return f"kernels-{digest.hexdigest()[:40]}.so"


def _reason(told: str) -> str:
    """The line that says why a compiler failed: one with a sign of it, or else the last that the linker printed."""
    lines = [line for line in told.splitlines() if line and not any(sign in line for sign in SAYS_NO_WHY)]
    signs = ([line for line in lines if sign in line][:1] for sign in SIGNS)
    return next(filter(None, [*signs, lines[-1:]]), [""])[0][:200]
