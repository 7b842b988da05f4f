"""Links on the way to a path: any of them may lead elsewhere tomorrow."""

from pathlib import Path

MOST = 40
"""That Linux follows."""


def links(path: Path) -> tuple[Path, ...]:
    """Each, also those that a link leads through; the folder of each is without links. `path` is absolute."""
    found: list[Path] = []
    at, ahead = Path(path.anchor), list(path.parts[1:])
    while ahead and len(found) < MOST:
        step = ahead.pop(0)
        if step == "..":
            at = at.parent
        elif (link := at / step).is_symlink():
            found.append(link)
            target = link.readlink()
            at = Path(target.anchor) if target.is_absolute() else at
            ahead[:0] = target.parts[1:] if target.is_absolute() else target.parts
        else:
            at = link
    return tuple(found)
