"""What decides for each request is compiled where mypy and a C compiler are at hand: it is the same, and quicker.

Without either, or where HEADRACE_PURE=1 says so, headrace is Python alone: `pip install` never fails for it.
"""

import os
import shutil
import subprocess
import sysconfig
import tomllib
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

ROOT = Path(__file__).parent


class Whole(build_ext):
    """All of it or nothing: what is compiled does not work without the rest."""

    def run(self) -> None:
        try:
            super().run()
        except (BaseError, CCompilerError) as error:
            print(f"headrace: not compiled, it runs as Python: {error}")
            for each in self.extensions:
                Path(self.get_ext_fullpath(each.name)).unlink(missing_ok=True)


def extensions() -> list[Extension]:
    """Of what is compiled; none where it cannot be."""
    if os.environ.get("HEADRACE_PURE") == "1":
        return []
    if lacking := lacks():
        print(f"headrace: not compiled, it runs as Python: {lacking}")
        return []
    from mypyc.build import mypycify

    compiled = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["headrace"]["compiled"]
    try:
        made: list[Extension] = mypycify(compiled, debug_level="0", group_name="headrace.batching.decisions")
    except SystemExit:
        print("headrace: not compiled, it runs as Python: mypy takes it for wrong, as said above")
        return []
    for each in made:  # what another compiler warns of is no fault
        each.extra_compile_args = [said for said in each.extra_compile_args if said != "-Werror"]
    return made


def lacks() -> str:
    """What would be needed to compile anything; empty where all is there."""
    if find_spec("mypyc") is None:
        return "there is no mypy"
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not headers.exists():
        return f"Python's headers are not there ({headers})"
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    if not shutil.which(compiler[0]):
        return f"there is no C compiler ({compiler[0]})"
    tried = [*compiler, "-fsyntax-only", f"-I{headers.parent}", "-x", "c", "-"]
    if subprocess.run(tried, input=b"#include <Python.h>\n", capture_output=True, check=False).returncode:
        return f"{' '.join(compiler)} compiles nothing with Python's headers"
    return ""


setup(ext_modules=extensions(), cmdclass={"build_ext": Whole})
