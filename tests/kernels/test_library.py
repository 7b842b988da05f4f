"""The library is compiled once, kept, and done without where it cannot be had."""

import fcntl
import os
import select
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.devices.inventory import cpu_features
from headrace.kernels import library as room
from headrace.kernels.library import NEEDED, NONE, Library, library, make
from tests.tiles import kernels


@pytest.fixture(autouse=True)
def _forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BESIDE", tmp_path / "beside")
    room._library.cache_clear()


def _compiler(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have this be the only compiler."""
    compiler = folder / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text(f"#!/bin/bash\n{script}\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}:/bin")


def test_a_processor_without_tiles_has_none_and_lacks_nothing(tmp_path: Path) -> None:
    assert library(tmp_path, {"avx2", "avx512f"}) == NONE


def test_without_a_folder_it_is_told_what_lacks() -> None:
    assert library(None, NEEDED) == Library(None, "a folder to keep them in (HOME or XDG_CACHE_HOME)")


def test_without_a_compiler_it_is_told_what_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert library(tmp_path / "kept", NEEDED) == Library(None, "a C++ compiler (g++ 11 or later)")


def test_a_compiler_that_fails_leaves_nothing_and_its_error_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _compiler(tmp_path, monkeypatch, "echo \"error: unrecognized option '-mamx-int8'\" >&2; exit 1")
    found = library(tmp_path / "kept", NEEDED)
    assert found.path is None
    assert found.lacks == "a C++ compiler that can make them: error: unrecognized option '-mamx-int8'"
    assert not list((tmp_path / "kept").iterdir())


FULL = """{standard input}: Assembler messages:
operations.cpp:1: error: what comes of it
{standard input}: Fatal error: can't write 4096 bytes to section .text of /tmp/a.o: 'No space left on device'"""
KILLED = "a.h:1: warning: an error is near\ng++: fatal error: Killed signal terminated program cc1plus"
UNLINKED = "/usr/bin/ld: cannot find -l:libtbb.so.12: No such file or directory"
NO_ROOM = "/usr/bin/ld: final link failed: No space left on device"
COLLECT = "collect2: error: ld returned 1 exit status"
CLANG = "clang++: error: linker command failed with exit code 1 (use -v to see invocation)"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (f"/usr/bin/ld: in function `f'\n{NO_ROOM}\n{COLLECT}\n", NO_ROOM),
        (FULL, FULL.splitlines()[-1]),
        (KILLED, KILLED.splitlines()[-1]),
        (f"{UNLINKED}\n{COLLECT}\n", UNLINKED),
        (f"{UNLINKED}\n{CLANG}", UNLINKED),
        (
            f"a.h:2: note: see\na.h:3: error: 'x' was not declared\na.h:3: note: there\n{COLLECT}",
            "a.h:3: error: 'x' was not declared",
        ),
        (COLLECT, ""),
        ("", ""),
    ],
)
def test_of_what_a_compiler_prints_the_line_is_told_that_says_why(told: str, reason: str) -> None:
    assert room._reason(told) == reason


def test_a_compiler_is_asked_for_english_and_may_print_any_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    _compiler(tmp_path, monkeypatch, "printf 'error: \\xff in %s\\n' $LC_ALL >&2; exit 1")
    assert library(tmp_path / "kept", NEEDED).lacks == "a C++ compiler that can make them: error: \ufffd in C"


def test_a_compiler_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LIMIT_S", 1.0)
    os.mkfifo(tmp_path / "running")
    _compiler(tmp_path, monkeypatch, f"tail -f /dev/null > {tmp_path}/running")
    running = os.open(tmp_path / "running", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert library(tmp_path / "kept", NEEDED) == Library(None, "a C++ compiler that makes them within 1 s")
        ended = select.poll()
        ended.register(running, select.POLLHUP)  # once nothing has it open for writing
        assert ended.poll(5000)
    finally:
        os.close(running)
    assert not list((tmp_path / "kept").iterdir())


def test_it_is_told_that_kernels_are_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _compiler(tmp_path, monkeypatch, "exit 1")
    with caplog.at_level("INFO", room.__name__):
        library(tmp_path / "kept", NEEDED)
    assert caplog.messages == ["compiling kernels for this processor, once: it takes seconds"]


def test_what_others_may_write_is_not_loaded(tmp_path: Path) -> None:
    kept = tmp_path / room._name()
    kept.write_bytes(b"")
    kept.chmod(0o777)
    assert library(tmp_path, NEEDED).lacks == f"{kept} to be this user's, writable by no other"


@pytest.mark.parametrize("script", ["exit 0", 'while [ "$1" != -o ]; do shift; done; echo none > "$2"'])
def test_what_a_compiler_leaves_that_is_no_library_is_not_kept(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _compiler(tmp_path, monkeypatch, script)
    found = library(tmp_path / "kept", NEEDED)
    assert found.lacks == "a library that can be made and loaded: the compiler made none, and said nothing"
    assert not list((tmp_path / "kept").iterdir())


def _shortened(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _copied(folder: Path) -> Path:
    """The library, in a folder of its own."""
    made, path = kernels(), folder / room._name()
    folder.mkdir()
    shutil.copy(made, path)
    room._library.cache_clear()
    return path


@pytest.mark.parametrize("damaged", [_shortened, _emptied, _changed])
def test_what_is_damaged_is_not_loaded_and_made_anew(damaged: Callable[[Path], None], tmp_path: Path) -> None:
    path = _copied(tmp_path / "kept")
    damaged(path)
    assert library(path.parent, cpu_features()) == Library(path)
    assert room._is_whole(path)
    assert list(path.parent.iterdir()) == [path]


def test_what_is_damaged_and_cannot_be_made_anew_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept" / room._name()
    path.parent.mkdir()
    path.write_bytes(b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert library(path.parent, NEEDED) == Library(None, "a C++ compiler (g++ 11 or later)")


def test_what_is_damaged_beside_the_package_and_stays_so_is_made_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _copied(tmp_path / "kept")
    (tmp_path / "beside").mkdir()
    damaged = tmp_path / "beside" / room._name()
    damaged.write_bytes(b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert library(kept.parent, cpu_features()) == Library(kept)


def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels()
    found = library(tmp_path, cpu_features())
    assert found.path is not None
    assert found.path.stat().st_mode & 0o777 == 0o755
    monkeypatch.setattr(subprocess, "Popen", None)
    room._library.cache_clear()
    assert library(tmp_path, cpu_features()) == found
    assert list(tmp_path.iterdir()) == [found.path]


def test_whoever_comes_while_it_is_compiled_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kernels()
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    found: list[Library] = []
    late = threading.Thread(target=lambda: found.append(library(tmp_path, cpu_features())))
    monkeypatch.setattr(subprocess, "Popen", None)
    late.start()
    shutil.copy(made, tmp_path / room._name())  # as the one does that holds it
    os.close(held)
    late.join(60)
    assert [each.path for each in found] == [tmp_path / room._name()]


def test_made_beside_the_package_it_goes_before_any_folder_and_what_was_made_before_goes(tmp_path: Path) -> None:
    kernels()
    old = tmp_path / "beside" / "kernels-0.so"
    old.parent.mkdir()
    old.write_bytes(b"")
    made = make()
    assert made.path == tmp_path / "beside" / room._name()
    assert list(old.parent.iterdir()) == [made.path]
    assert library(None, cpu_features()) == made
