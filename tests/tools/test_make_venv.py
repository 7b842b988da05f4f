"""tools/make_venv.sh: which Python it takes, and what it says where there is none."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "tools" / "make_venv.sh"


def _program(folder: Path, name: str, script: str) -> None:
    """An executable shell script on the path."""
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def _run(folder: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    """Run it with a path on which only `folder` has Pythons."""
    environment = {**os.environ, "PATH": str(folder), "VENV": str(folder / "venv"), "PYTHON": python}
    return subprocess.run(["/bin/bash", SCRIPT], env=environment, capture_output=True, text=True, check=False)


def test_without_a_python_that_fits_it_says_which_are_wanted(tmp_path: Path) -> None:
    _program(tmp_path, "python3", "exit 1")
    ended = _run(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("No Python from 3.11 to 3.13 was found. Install one")


def test_a_python_that_was_asked_for_and_does_not_fit_is_named(tmp_path: Path) -> None:
    ended = _run(tmp_path, python="/nowhere/python")
    assert ended.returncode == 1
    assert "at PYTHON=/nowhere/python" in ended.stderr


def test_without_the_venv_module_it_names_the_package(tmp_path: Path) -> None:
    _program(tmp_path, "python3.12", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac')
    ended = _run(tmp_path)
    assert ended.returncode == 1
    assert "apt-get install python3.12-venv" in ended.stderr


def test_the_newest_python_that_fits_is_taken(tmp_path: Path) -> None:
    _program(tmp_path, "python3.13", "exit 1")
    for name in ("python3.11", "python3.12"):
        _program(tmp_path, name, f'case "$1" in -m) echo {name} "$@";; *) echo 3;; esac')
    ended = _run(tmp_path)
    assert ended.returncode == 0
    assert f"python3.12 -m venv --clear {tmp_path}/venv" in ended.stdout


def test_a_venv_that_works_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    _program(tmp_path / "venv" / "bin", "marker", "")
    assert _run(tmp_path).stdout == ""
    assert (tmp_path / "venv" / "bin" / "marker").exists()
