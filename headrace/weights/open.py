"""A model's file or folder -> a Checkpoint, whatever its format."""

from pathlib import Path

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Checkpoint
from headrace.weights.gguf_checkpoint import PART, gguf_checkpoint
from headrace.weights.hf_checkpoint import hf_checkpoint


def open_checkpoint(path: Path) -> Checkpoint:
    """Read a .gguf file, a folder that holds one (or the parts of one), or a Hugging Face folder.

    Tensors stay on disk until they are asked for. Raises ModelInvalid with the field that is wrong, missing or not
    supported; nothing else, whatever the bytes.
    """
    if path.is_file() and path.suffix == ".gguf":
        return gguf_checkpoint(path)
    if not path.is_dir():
        raise ModelInvalid("must be a .gguf file or a folder", path.name)
    if any(path.glob("*.safetensors")) or (path / "config.json").exists():
        return hf_checkpoint(path)
    return gguf_checkpoint(_only_gguf(path))


def _only_gguf(folder: Path) -> Path:
    """The folder's one GGUF file, or the first part of it."""
    models: dict[str, Path] = {}
    for path in sorted(folder.glob("*.gguf")):
        match = PART.fullmatch(path.name)
        models.setdefault(match.group(1) if match else path.name, path)
    if not models:
        raise ModelInvalid("holds no .gguf file, and no config.json with *.safetensors", folder.name)
    if len(models) > 1:
        raise ModelInvalid(f"holds {len(models)} models, must hold one: {', '.join(models)}"[:300], folder.name)
    return next(iter(models.values()))
