"""Files that came with a load request: kept outside the repository, for as long as a version is served from them."""

import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from headrace.errors import Forbidden, InvalidRequest
from headrace.repository.repository import LocalRepository

MAX_FILES = 1024
"""Of one load: each is opened and written, and taken away again, and all models wait for the same disk."""
_MAX_FOLDERS = 8  # that one may lie in


class Uploads:
    """Owns the folders of uploaded files, by the model's name."""

    def __init__(self) -> None:
        self._roots: dict[str, list[Path]] = {}

    def place(self, name: str, files: Mapping[str, bytes]) -> LocalRepository:
        """The files in a folder of their own. Raises Forbidden where a path leaves it, InvalidRequest where none is, or
        as `check_number`."""
        check_number(len(files))
        root = Path(tempfile.mkdtemp(prefix="headrace-upload-")).resolve()
        self._roots.setdefault(name, []).append(root)
        for path, content in files.items():
            _write(root, name, path, content)
        return LocalRepository(root)

    def discard(self, name: str, used: Collection[Path] = ()) -> None:
        """Remove what was uploaded, but for the folders that the paths lie in."""
        for root in self._roots.pop(name, []):
            if any(path.is_relative_to(root) for path in used):
                self._roots.setdefault(name, []).append(root)
            else:
                shutil.rmtree(root, ignore_errors=True)

    def names(self) -> list[str]:
        """The models that have uploaded files."""
        return list(self._roots)


def check_number(num_files: int) -> None:
    """Raises InvalidRequest where so many are too many for one load."""
    if num_files > MAX_FILES:
        what = f"{num_files} files are too many for one load; the most is {MAX_FILES}"
        raise InvalidRequest(f"{what}, and a folder of the repository may have more", "parameters")


def _write(root: Path, name: str, path: str, content: bytes) -> None:
    """A file of the folder root/NAME. Raises Forbidden where it is not in there, InvalidRequest where it cannot be."""
    num_folders = len(PurePosixPath(path).parts) - 1
    if num_folders > _MAX_FOLDERS:
        raise InvalidRequest(f"a file lies in {num_folders} folders; the most is {_MAX_FOLDERS}", "parameters")
    folder = root / name
    file = folder / path
    try:
        if folder.parent != root or not file.resolve().is_relative_to(folder):
            raise Forbidden(f"{path!r} leaves the model's folder", "parameters")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequest(f"{path!r} cannot be written: {reason}", "parameters") from error
