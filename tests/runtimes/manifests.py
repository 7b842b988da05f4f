"""Manifests of model files, short."""

from pathlib import Path
from typing import Any

from headrace.types import Manifest


def manifest(path: Path, runtime: str = "onnx", **said: Any) -> Manifest:
    """A manifest as the repository would make it, where nothing but `said` is configured."""
    return Manifest("model", 1, path, runtime, **said)
