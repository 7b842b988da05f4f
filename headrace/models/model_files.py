"""Which files are models, and the runtime that reads each kind."""

from collections.abc import Collection
from pathlib import Path

from headrace.errors import ModelInvalid

RUNTIME_OF = {
    ".onnx": "onnx",
    ".xml": "openvino",  # its weights lie in a .bin beside it
    ".savedmodel": "openvino",  # a folder of TensorFlow's
    ".pb": "openvino",  # a frozen graph of TensorFlow's
    ".tflite": "openvino",
    ".pdmodel": "openvino",  # Paddle's
    ".json": "openvino",  # Paddle's since its version 3
    ".fake": "fake",
}
"""The runtime that reads a file by its suffix, where no configuration chooses another."""

RUNTIMES = {
    "onnx": {".onnx"},
    "openvino": set(RUNTIME_OF) - {".fake"},
    "fake": {".fake"},
}
"""The suffixes that each runtime can read."""

WHAT_IS_A_MODEL = "model.onnx, model.xml, model.savedmodel/, model.pb, model.tflite, model.pdmodel or model.json"


def suffix_of(path: Path) -> str:
    """A key of RUNTIME_OF, or empty where the path is no model. Raises OSError where it cannot be looked at."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return ".savedmodel" if suffix == ".savedmodel" or is_saved_model(path) else ""
    if suffix == ".savedmodel" or suffix not in RUNTIME_OF:
        return ""
    if suffix == ".json" and path.name != "model.json" and not path.with_suffix(".pdiparams").exists():
        return ""  # most JSON files are no models
    return suffix


def is_saved_model(folder: Path) -> bool:
    """Whether this folder is itself a SavedModel, whatever its name."""
    return (folder / "saved_model.pb").is_file()


def choose(candidates: Collection[Path], runtime: str | None) -> Path | None:
    """The one model among paths of one folder, or None where none is a model.

    A file called `model` goes before others, then one of the runtime asked for. Raises ModelInvalid where
    several are left.
    """
    models = [path for path in candidates if suffix_of(path)]
    models = [path for path in models if path.stem == "model"] or models
    if len(models) > 1:
        models = [path for path in models if RUNTIME_OF[suffix_of(path)] == runtime] or models
    if len(models) > 1:
        names = ", ".join(sorted(path.name for path in models))
        raise ModelInvalid(f"several models in one folder: {names}; leave one, or choose by default_model_filename")
    return models[0] if models else None


def check_runtime(runtime: str, path: Path, source: str) -> None:
    """Raises ModelInvalid unless the runtime that `source` asks for exists and reads this kind of file."""
    if runtime not in RUNTIMES:
        raise ModelInvalid(
            f'{runtime!r} is not offered here; runtime = "onnx" or "openvino" in model.toml may serve the file',
            source,
        )
    suffix = suffix_of(path)
    if suffix and suffix not in RUNTIMES[runtime]:
        readers = ", ".join(name for name, suffixes in RUNTIMES.items() if suffix in suffixes)
        raise ModelInvalid(f"runtime {runtime!r} does not read {path.name}; {readers} does", source)
