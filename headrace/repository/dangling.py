"""Links that lead nowhere: what a copy of a Hugging Face snapshot holds whose files were left behind."""

from collections.abc import Iterable
from pathlib import Path

from headrace.errors import ModelInvalid

READ = ("*.json", "*.safetensors", "*.jinja", "openvino_*")
"""What a model's folder is read from; where other links lead, such as that of weights for PyTorch, is nothing to it."""


def dangling(paths: Iterable[Path]) -> str:
    """The first link to a file that is not there, in words; empty where there is none."""
    for path in sorted(paths):
        if any(map(path.match, READ)) and path.is_symlink() and not path.exists():
            target = path.readlink()
            leads = target.name if target.is_absolute() else target  # no path of the server's: clients see it
            return f"{path.name} is a link to {leads}, which is not there: copy what links lead to as well (cp -rL)"
    return ""


def check_links(path: Path) -> None:
    """Raises ModelInvalid where a file that a model's folder is read from is a link that leads nowhere."""
    if path.is_dir() and (why := dangling(path.iterdir())):
        raise ModelInvalid(why)
