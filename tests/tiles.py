"""The library of kernels, for tests that need it: made once, kept where the server keeps it."""

import os
from pathlib import Path

import pytest

from headrace.cache_folder import cache_folder
from headrace.devices.inventory import cpu_features
from headrace.kernels.library import NEEDED, library


def lend(folder: Path) -> None:
    """Have this folder for what is kept hold the library too, if there is one: to compile it takes seconds."""
    found = library(cache_folder(os.environ), cpu_features()).path
    if found is not None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / found.name).symlink_to(found)


def kernels() -> Path:
    """The library; skips the test where there can be none, and fails it where it cannot be made."""
    missing = NEEDED.difference(cpu_features())
    if missing:
        pytest.skip(f"this processor has no {', '.join(sorted(missing))}")
    found = library(cache_folder(os.environ), cpu_features())
    assert not found.lacks.startswith(("a C++ compiler that", "a library that")), found.lacks
    if found.path is None:
        pytest.skip(f"there is no {found.lacks}")
    return found.path
