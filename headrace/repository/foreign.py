"""Files of models that are not served as they are, and what makes of each one that is."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TORCH = "PyTorch's, which holds no graph: torch.onnx.export makes a model.onnx of the module that it is loaded into"
_KERAS = "Keras's: model.export(FOLDER) makes a SavedModel of it"
_PICKLE = (
    "a pickle, which is never loaded, for it may do anything: skl2onnx makes a model.onnx of scikit-learn's models"
)
_TENSORRT = "TensorRT's, for one kind of GPU: serve the model.onnx that it was built from"
_PROGRAM = (
    "a program of Triton's Python backend, and none is run here: "
    "export the model that it loads, and leave what it does besides to the client"
)
_WEIGHTS = "PyTorch's: save_pretrained(FOLDER, safe_serialization=True) makes model.safetensors of it"
_BESIDE = "weights without a graph: a language model's are served by their folder, which holds its config.json too"
_IR_WEIGHTS = (
    "weights without a graph: of OpenVINO's the .xml file of the same name is the model, of Paddle's the .pdmodel file"
)
_ARCHIVE = "an archive, which is not opened: unpack it into a folder"
_APPLE = "Core ML's, for Apple's devices: export the model that it was made of to ONNX"
_TREES = "of trees: onnxmltools makes a model.onnx of XGBoost's, save_model(PATH, format='onnx') of CatBoost's"
_FROZEN = "TensorFlow's frozen graph under a name of Triton's: call it model.pb"
_OLLAMA = "Ollama's, which only names a model: put the .gguf file behind its FROM here"
_SCRIPT = "a program of PyTorch's, and none is run here: torch.onnx.export makes a model.onnx of the module behind it"

_KNOWN = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".pt2": _SCRIPT,
    ".jit": _SCRIPT,
    ".torchscript": _SCRIPT,
    ".h5": _KERAS,
    ".keras": _KERAS,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
    ".plan": _TENSORRT,
    ".engine": _TENSORRT,
    ".mlmodel": _APPLE,
    ".mlpackage": _APPLE,
    ".ubj": _TREES,
    ".cbm": _TREES,
    ".graphdef": _FROZEN,
}
_NAMED = {"model.py": _PROGRAM, "Modelfile": _OLLAMA}

_PARTS = {
    ".safetensors": _BESIDE,
    ".bin": _IR_WEIGHTS,
    ".pdiparams": _IR_WEIGHTS,
    ".zip": _ARCHIVE,
    ".tar": _ARCHIVE,
    ".tgz": _ARCHIVE,
    ".gz": _ARCHIVE,
    ".task": _ARCHIVE,  # MediaPipe's, of .tflite files
}
"""What is told of where nothing else is known: it often lies beside a model, or is one's data."""


def advice(paths: Iterable[Path]) -> str:
    """What to do about the first of them that is known, to be put behind a refusal; empty where none is."""
    files = sorted(paths)
    for whose in (_whose, _whose_part):
        for path in files:
            if what := whose(path):
                return f"; {path.name} is {what}"
    return ""


def advice_for(repository: Path) -> str:
    """The same of what lies in a folder in which no model was found; empty where it cannot be looked at."""
    with suppress(OSError):
        return advice(repository.iterdir())
    return ""


def _whose(path: Path) -> str | None:
    if path.name.startswith("pytorch_model") and path.suffix == ".bin":
        return _WEIGHTS
    return _NAMED.get(path.name) or _KNOWN.get(path.suffix.lower())


def _whose_part(path: Path) -> str | None:
    return _PARTS.get(path.suffix.lower())
