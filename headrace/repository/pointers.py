"""Git's pointers in the place of large files: what a clone holds that has not fetched them."""

from collections.abc import Iterable
from pathlib import Path

from headrace.errors import ModelInvalid

POINTER = b"version https://git-lfs.github.com/spec/"
LARGEST = 1024
"""Bytes that a pointer has at most, by its specification."""
READ = ("model*.safetensors", "tokenizer.json", "openvino_*", "saved_model.pb")
"""Of a folder that is itself a model; others, such as the same weights for PyTorch, need not be here."""

INSTEAD, BEHIND = (".bin", ".data", ".pdiparams"), ("_data", ".data")
"""How the names of files of weights end, in the place of the model's own suffix and behind it."""


def check_fetched(path: Path) -> None:
    """Raises ModelInvalid where a model's file, one named like it, or one of its folder is a pointer."""
    for file in sorted(_parts(path)):
        if is_pointer(file):
            raise ModelInvalid(
                f"{file.name} is a Git LFS pointer to the file, not the file itself; fetch it with: git lfs pull"
            )


def is_pointer(file: Path) -> bool:
    """Whether there is a pointer; not where there is no file, or none that may be read."""
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            return False
        with file.open("rb") as content:
            return content.read(len(POINTER)) == POINTER
    except OSError:
        return False


def _parts(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return (file for pattern in READ for file in path.glob(pattern))
    return path, *(path.with_suffix(end) for end in INSTEAD), *(path.with_name(path.name + end) for end in BEHIND)
