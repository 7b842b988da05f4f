"""Files of models that are not served as they are, and what makes of each one that is."""

from collections.abc import Iterable
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

_KNOWN = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".h5": _KERAS,
    ".keras": _KERAS,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
    ".plan": _TENSORRT,
    ".engine": _TENSORRT,
}
_NAMED = {"model.py": _PROGRAM}


def advice(paths: Iterable[Path]) -> str:
    """What to do about the first of them that is known, to be put behind a refusal; empty where none is."""
    for path in sorted(paths):
        whose = _WEIGHTS if path.name.startswith("pytorch_model") and path.suffix == ".bin" else None
        whose = whose or _NAMED.get(path.name) or _KNOWN.get(path.suffix.lower())
        if whose:
            return f"; {path.name} is {whose}"
    return ""
