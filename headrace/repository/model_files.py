"""Which files are models, and the runtime that reads each kind."""

import re
from collections.abc import Collection
from pathlib import Path

from headrace.errors import ModelInvalid

RUNTIME_OF = {
    ".onnx": "onnx",
    ".ort": "onnx",  # ONNX Runtime's own form
    ".xml": "openvino",  # its weights lie in a .bin beside it
    ".savedmodel": "openvino",  # a folder of TensorFlow's
    ".pb": "openvino",  # a frozen graph of TensorFlow's
    ".tflite": "openvino",
    ".pdmodel": "openvino",  # Paddle's
    ".json": "openvino",  # Paddle's since its version 3: OpenVINO says whether it reads it
    ".gguf": "llm",
    "config.json with *.safetensors": "llm",  # a folder as Hugging Face has it
    "openvino_model.xml with a tokenizer": "llm",  # a folder as optimum-intel writes it
    ".fake": "fake",
    ".fakellm": "fakellm",
}
"""The runtime that reads a file by its suffix, or a folder by what it holds, where no configuration chooses another."""

RUNTIMES = {
    "onnx": {".onnx", ".ort"},
    "openvino": {".onnx"} | {kind for kind, runtime in RUNTIME_OF.items() if runtime == "openvino"},
    "llm": {kind for kind, runtime in RUNTIME_OF.items() if runtime == "llm"},
    "fake": {".fake"},
    "fakellm": {".fakellm"},
}
"""The suffixes and kinds of folder that each runtime can read."""

LANGUAGE = {"llm", "fakellm"}
"""The runtimes of language models: an engine in a process of its own, instead of batches."""

WHAT_IS_A_MODEL = (
    "model.onnx, model.xml, model.savedmodel/, model.pb, model.tflite, model.pdmodel, a .gguf file, or "
    "config.json with *.safetensors"
)

_PART = re.compile(r"-(\d{5})-of-\d{5}$")
"""At the end of the stem of a GGUF file in parts: the first part stands for all of them."""


def suffix_of(path: Path) -> str:
    """A key of RUNTIME_OF, or empty where the path is no model. Raises OSError where it cannot be looked at."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return ".savedmodel" if suffix == ".savedmodel" or is_saved_model(path) else _language_folder(path)
    if suffix == ".savedmodel" or suffix not in RUNTIME_OF:
        return ""
    if suffix == ".gguf" and (part := _PART.search(path.stem)) and int(part[1]) != 1:
        return ""
    if suffix == ".json" and path.name != "model.json" and not path.with_suffix(".pdiparams").exists():
        return ""  # most JSON files are no models
    return suffix


def name_of(path: Path) -> str:
    """The name that a bare model gives itself: its file's stem, without the number of a part; a folder's name."""
    if path.is_dir() and path.suffix.lower() != ".savedmodel":
        return path.name
    return _PART.sub("", path.stem) if path.suffix.lower() == ".gguf" else path.stem


def is_model_folder(folder: Path, runtime: str | None = None) -> bool:
    """Whether this folder is itself a model, whatever its name; a runtime that does not read such folders says no."""
    kind = ".savedmodel" if is_saved_model(folder) else _language_folder(folder)
    return bool(kind) and (runtime is None or kind in RUNTIMES.get(runtime, ()))


def _language_folder(folder: Path) -> str:
    """The kind of a language model's folder, a key of RUNTIME_OF; empty where it is none."""
    if (folder / "config.json").is_file() and next(folder.glob("*.safetensors"), None):
        return "config.json with *.safetensors"
    tokenizer = any((folder / name).is_file() for name in ("tokenizer.json", "openvino_tokenizer.xml"))
    return "openvino_model.xml with a tokenizer" if tokenizer and (folder / "openvino_model.xml").is_file() else ""


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


_WEIGHTS = "serve the language model's own files: config.json with *.safetensors, or a .gguf file"
_INSTEAD = {"vllm": _WEIGHTS, "tensorrtllm": _WEIGHTS}


def check_runtime(runtime: str, path: Path, source: str) -> None:
    """Raises ModelInvalid unless the runtime that `source` asks for exists and reads this kind of file."""
    if runtime not in RUNTIMES:
        instead = _INSTEAD.get(runtime, 'runtime = "onnx" or "openvino" in model.toml may serve the file')
        raise ModelInvalid(f"{runtime!r} is not offered here; {instead}", source)
    suffix = suffix_of(path)
    if suffix and suffix not in RUNTIMES[runtime]:
        readers = ", ".join(name for name, suffixes in RUNTIMES.items() if suffix in suffixes)
        raise ModelInvalid(f"runtime {runtime!r} does not read {path.name}; {readers} does", source)
