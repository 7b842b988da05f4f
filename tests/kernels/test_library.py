"""The library is compiled once, kept, and done without where it cannot be had."""

import subprocess
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
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\necho \"error: unrecognized option '-mamx-int8'\" >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}:/bin")
    found = library(tmp_path / "kept", NEEDED)
    assert found.path is None
    assert found.lacks == "a C++ compiler that can make them: error: unrecognized option '-mamx-int8'"
    assert not list((tmp_path / "kept").iterdir())


def test_what_others_may_write_is_not_loaded(tmp_path: Path) -> None:
    kept = tmp_path / room._name()
    kept.write_bytes(b"")
    kept.chmod(0o777)
    assert library(tmp_path, NEEDED).lacks == f"{kept} to be this user's, writable by no other"


def test_a_file_that_is_no_library_is_told(tmp_path: Path) -> None:
    kept = tmp_path / room._name()
    kept.write_bytes(b"none")
    kept.chmod(0o700)
    assert library(tmp_path, NEEDED).lacks.startswith("a library that can be made and loaded: ")


def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels()
    found = library(tmp_path, cpu_features())
    assert found.path is not None
    assert found.path.stat().st_mode & 0o777 == 0o755
    monkeypatch.setattr(subprocess, "run", None)
    room._library.cache_clear()
    assert library(tmp_path, cpu_features()) == found
    assert list(tmp_path.iterdir()) == [found.path]


def test_made_beside_the_package_it_goes_before_any_folder_and_what_was_made_before_goes(tmp_path: Path) -> None:
    kernels()
    old = tmp_path / "beside" / "kernels-0.so"
    old.parent.mkdir()
    old.write_bytes(b"")
    made = make()
    assert made.path == tmp_path / "beside" / room._name()
    assert list(old.parent.iterdir()) == [made.path]
    assert library(None, cpu_features()) == made
