"""Whose kernels a server would have here, and what lacks for quicker ones."""

import os
import sys
from pathlib import Path

import pytest

from headrace.cli.language_kernels import Kernels, language_kernels
from headrace.devices.inventory import cpu_features
from headrace.kernels import library as room
from headrace.kernels.library import NEEDED
from tests.tiles import kernels


def test_ours_are_told_where_they_are_used() -> None:
    kernels()
    assert language_kernels("auto", cpu_features(), os.environ) == Kernels("headrace's own")


def test_without_tiles_nothing_lacks() -> None:
    found = language_kernels("auto", {"avx2"}, {})
    assert found == Kernels("OpenVINO's: this processor has no tiles (AMX) for headrace's own")


def test_it_is_told_what_ours_would_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BESIDE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = language_kernels("auto", NEEDED, {"XDG_CACHE_HOME": str(tmp_path)})
    lacks = "a C++ compiler (g++ 11 or later)"
    assert found == Kernels(f"OpenVINO's, for want of {lacks}", lacks)


def test_where_others_are_asked_for_nothing_lacks() -> None:
    assert language_kernels("openvino", NEEDED, {}) == Kernels("OpenVINO's, as llm.kernels says")


def test_without_openvino_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headrace.kernels.library", None)
    assert language_kernels("auto", NEEDED, {}) == Kernels("none: OpenVINO cannot be imported")
