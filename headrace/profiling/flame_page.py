"""Stacks as a flame graph, on a page without scripts: the wider a frame, the more often it was under way."""

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from headrace.profiling.stacks import Frame, Stacks

LEAST = 0.002  # share of a thread, below which a frame is not drawn
ROW = 18  # pixels

_STYLE = """
:root{color-scheme:light dark;font:14px system-ui,sans-serif}body{margin:1rem}h2{font-size:1rem;margin:1.5rem 0 .5rem}
svg{width:100%;display:block}text{font:11px ui-monospace,monospace;fill:#111;pointer-events:none}
rect{stroke:#fff8;stroke-width:.5}p{max-width:60rem}
"""


class Box(NamedTuple):
    """A frame as it is drawn; sizes are shares of its thread."""

    frame: Frame
    depth: int
    start: float
    width: float


class _Node:
    """A frame below others, and how often it was seen there."""

    __slots__ = ("below", "number")

    def __init__(self) -> None:
        self.number = 0
        self.below: dict[Frame, _Node] = {}


def boxes(stacks: Stacks, thread: str) -> list[Box]:
    """Those of a thread that are wide enough, the outermost first."""
    root = _Node()
    for stack, number in stacks.seen[thread].items():
        node = root
        node.number += number
        for frame in stack:
            node = node.below.setdefault(frame, _Node())
            node.number += number
    return list(_boxes(root, 0, 0.0, root.number)) if root.number else []


def _boxes(root: _Node, depth: int, start: float, whole: int) -> Iterator[Box]:
    for frame, node in sorted(root.below.items(), key=lambda item: item[0]):
        width = node.number / whole
        if width >= LEAST:
            yield Box(frame, depth, start, width)
            yield from _boxes(node, depth + 1, start, whole)
        start += width


def page(stacks: Stacks, seconds: float) -> str:
    """The whole page."""
    threads = sorted(stacks.seen, key=lambda name: -len(stacks.seen[name]))
    drawn = "".join(_thread(name, boxes(stacks, name)) for name in threads)
    told = f"{stacks.looks} looks in {seconds:g} s. A frame is as wide as its share of the time, waiting included."
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Profile</title><style>{_STYLE}</style></head><body><h1>Profile</h1><p>{told}</p>{drawn}</body></html>"
    )


def _thread(name: str, drawn: list[Box]) -> str:
    height = (max((box.depth for box in drawn), default=0) + 1) * ROW
    inner = "".join(_box(box) for box in drawn)
    title = escape(name)
    return f'<h2>{title}</h2><svg height="{height}" role="img" aria-label="Flame graph of {title}">{inner}</svg>'


def _box(box: Box) -> str:
    frame, top = box.frame, box.depth * ROW
    hue = 20 + sum(frame.file.encode()) % 40
    place = f'x="{box.start:.4%}" y="{top}" width="{box.width:.4%}" height="{ROW - 1}"'
    told = escape(f"{frame.name} ({frame.file}:{frame.line}) {box.width:.1%}")
    label = f'<svg {place}><text x="3" y="12">{escape(frame.name)}</text></svg>' if box.width > 0.03 else ""
    return f'<g><rect {place} fill="hsl({hue} 80% 70%)"><title>{told}</title></rect>{label}</g>'
