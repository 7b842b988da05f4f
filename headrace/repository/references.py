"""Files that a model's configuration names: inside the model's folder, or refused."""

from pathlib import Path

from headrace.errors import ModelInvalid

MAX_LABELS_BYTES = 16 << 20


def inside(folder: Path, name: str, where: str) -> Path:
    """The file of that name, relative to the folder. `where` names the field for errors.

    Raises ModelInvalid where there is no such file, it is a pipe, or it lies outside, be it by `..`, a root or a link.
    """
    if not name or "\0" in name:
        raise ModelInvalid(f"{name!r} is not a file name", where)
    try:
        target = (folder / name).resolve()
        outside = not target.is_relative_to(folder.resolve())
        there = not outside and target.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelInvalid(f"{name!r} cannot be looked up: {error}", where) from None
    if outside:
        raise ModelInvalid(f"{name!r} leads out of the model's folder; name a file inside it", where)
    if not there:
        raise ModelInvalid(f"there is no {name!r} in {folder.name}/", where)
    check_readable(target, where)
    return target


def check_readable(path: Path, where: str = "") -> None:
    """Raises ModelInvalid for a pipe, a socket or a device: it may be waited for, or read, without an end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ModelInvalid(f"{path.name} is a pipe, a socket or a device; put a file there", where)


def read_labels(folder: Path, name: str, where: str) -> tuple[str, ...]:
    """The labels of a file with one label a line, UTF-8. Raises ModelInvalid where it cannot be read."""
    path = inside(folder, name, where)
    try:
        if path.stat().st_size > MAX_LABELS_BYTES:
            raise ModelInvalid(f"{name!r} is larger than {MAX_LABELS_BYTES >> 20} MiB, too much for labels", where)
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # editors of Windows put a mark first
    except OSError as error:
        raise ModelInvalid(f"{name!r} cannot be read: {error.strerror}", where) from None
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"{name!r} is not UTF-8 at byte {error.start}", where) from None
    labels = [line.rstrip("\r") for line in lines]
    return tuple(labels[:-1] if labels[-1] == "" else labels)
