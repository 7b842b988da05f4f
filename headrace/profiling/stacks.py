"""What threads were doing, each time somebody looked: stacks of frames, and how often each was seen."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NamedTuple

DEEPEST = 200  # frames of one stack; what is above is left out
MOST = 50_000  # different stacks; what is new beyond counts as OTHERS


class Frame(NamedTuple):
    """A function that was under way."""

    name: str
    file: str  # as far as it tells where the function belongs
    line: int  # at which it begins


Stack = tuple[Frame, ...]
"""The outermost first."""

OTHERS: Stack = (Frame("(other stacks)", "", 0),)


class Stacks:
    """How often each stack was seen, by thread."""

    def __init__(self) -> None:
        self.looks = 0
        self.seen: dict[str, Counter[Stack]] = {}
        self._frames: dict[object, Frame] = {}  # by code object
        self._different = 0

    def look(self, frames: Mapping[int, FrameType], names: Mapping[int, str], but: int) -> None:
        """Count what every thread does now, but one; threads by their identifiers."""
        self.looks += 1
        for thread, frame in frames.items():
            if thread != but:
                self._count(names.get(thread, f"thread {thread}"), self._stack(frame))

    def _count(self, thread: str, stack: Stack) -> None:
        counts = self.seen.setdefault(thread, Counter())
        if stack not in counts:
            if self._different >= MOST:
                stack = OTHERS
            self._different += 1
        counts[stack] += 1

    def _stack(self, innermost: FrameType) -> Stack:
        found: list[Frame] = []
        frame: FrameType | None = innermost
        while frame is not None and len(found) < DEEPEST:
            code = frame.f_code
            known = self._frames.get(code)
            if known is None:
                known = self._frames[code] = Frame(code.co_qualname, _short(code.co_filename), code.co_firstlineno)
            found.append(known)
            frame = frame.f_back
        return tuple(reversed(found))


def _short(file: str) -> str:
    """The last parts of a path: where a machine keeps its files is nobody's business."""
    parts = Path(file).parts
    for home in ("site-packages", "dist-packages"):
        if home in parts:
            return "/".join(parts[parts.index(home) + 1 :])
    if "headrace" in parts:
        return "/".join(parts[len(parts) - 1 - parts[::-1].index("headrace") :])
    return "/".join(parts[-2:]).lstrip("/")
