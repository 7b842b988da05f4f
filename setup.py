"""What decides for each request is compiled where mypy and a C compiler are at hand: it is the same, and quicker.

Without either, or where HEADRACE_PURE=1 says so, headrace is Python alone: `pip install` never fails for it.
"""

import os
import shutil
import sysconfig
import tomllib
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
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    try:
        from mypyc.build import mypycify
    except ImportError:
        print("headrace: not compiled, there is no mypy; it runs as Python")
        return []
    if not shutil.which(compiler) or not headers.exists():
        print(f"headrace: not compiled, there is no C compiler ({compiler}) or no {headers}; it runs as Python")
        return []
    compiled = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["headrace"]["compiled"]
    made: list[Extension] = mypycify(compiled, debug_level="0", group_name="headrace")
    return made


setup(ext_modules=extensions(), cmdclass={"build_ext": Whole})
