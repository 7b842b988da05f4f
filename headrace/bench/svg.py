"""Charts as SVG text: lines and bars on axes whose marks are round numbers. Colours are the page's, by class."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Literal

import msgspec

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 44
Point = tuple[float, float]


class Axis(msgspec.Struct, frozen=True):
    """What is along one side."""

    label: str
    log: bool = False
    top: float | None = None  # else as high as the values
    bottom: float = 0.0  # of a scale that is not logarithmic


class Series(msgspec.Struct, frozen=True):
    """A line; `colour` is a class of the page's style."""

    name: str
    points: Sequence[Point]
    colour: str
    dots: bool = True
    dashed: bool = False


class Limit(msgspec.Struct, frozen=True):
    """A straight line across: an objective."""

    at: float
    label: str
    along: Literal["x", "y"] = "y"  # the axis whose value it is


class Scale:
    """Values -> places between two pixels."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool) -> None:
        self.low, self.high = low, high
        self.log = log
        self._start, self._end = start, end
        self._of: Callable[[float], float] = math.log10 if log else float

    def __call__(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(value) - low) / (high - low) if high > low else 0.0
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[float]:
        return log_ticks(self.low, self.high) if self.log else ticks(self.low, self.high)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    if high - low < 1e-9:
        return [low]
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, powers of ten alone where those are too many, round numbers where too few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    bases = (1, 2, 5) if last - first <= 3 else (1,)
    found = [base * 10.0**power for power in range(first, last + 1) for base in bases]
    inside = [round(each, 10) for each in found if low * 0.999 <= each <= high * 1.001]
    return inside if len(inside) >= 3 else [each for each in ticks(low, high) if each > 0]


def shown(value: float) -> str:
    """A number in few characters: 1,234; 12.3; 0.05."""
    if value == 0:
        return "0"
    if abs(value) >= 1_000_000:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def line_chart(title: str, series: Sequence[Series], x: Axis, y: Axis, limits: Sequence[Limit] = ()) -> str:
    """Lines through points, which are dots that tell their values when pointed at."""
    points = [point for each in series for point in each.points]
    along = _scale(x, [each[0] for each in points], _at(limits, "x"), LEFT, WIDTH - RIGHT)
    up = _scale(y, [each[1] for each in points], _at(limits, "y"), HEIGHT - BOTTOM, TOP)
    parts = [_grid(along, up, x.label, y.label)]
    parts += [_limit(each, along, up) for each in limits]
    parts += [_line(each, along, up, x.label, y.label) for each in series]
    return _svg(title, "".join(parts))


def bar_chart(title: str, bars: Sequence[tuple[str, Sequence[float]]], colours: Sequence[str], x: str, y: str) -> str:
    """Stacked columns: each has a label and a value for each colour."""
    high = max((sum(values) for _, values in bars), default=0.0) or 1.0
    up = Scale(0.0, high * 1.05, HEIGHT - BOTTOM, TOP, log=False)
    width = (WIDTH - LEFT - RIGHT) / max(1, len(bars))
    every = max(1, math.ceil(len(bars) / 12))
    parts = [_grid(None, up, x, y)]
    for index, (label, values) in enumerate(bars):
        left, below = LEFT + index * width, 0.0
        gap = 1.0 if width < 14 else width * 0.14
        wide = min(width - gap, 72.0)
        start = left + (width - wide) / 2
        for value, colour in zip(values, colours, strict=True):
            if value > 0:
                above, base = up(below + value), up(below)
                place = f'x="{start:.1f}" y="{above}" width="{wide:.1f}" height="{max(base - above, 0.5):.1f}"'
                told = f"<title>{escape(label)}: {shown(value)}</title>"
                parts.append(f'<rect class="bar {colour}" {place} rx="1.5">{told}</rect>')
                below += value
        if index % every == 0:
            parts.append(_text("tick", round(start + wide / 2, 1), HEIGHT - BOTTOM + 16, label))
    return _svg(title, "".join(parts))


def _scale(axis: Axis, values: Sequence[float], limits: Sequence[float], start: float, end: float) -> Scale:
    known = [*values, *limits]
    if axis.log:
        positive = [each for each in known if each > 0] or [1.0]
        low, high = min(positive) * 0.85, (axis.top or max(positive)) * 1.15
        return Scale(low, high, start, end, log=True)
    high = axis.top if axis.top is not None else max(known, default=1.0) * 1.06
    return Scale(axis.bottom, high if high > axis.bottom else axis.bottom + 1, start, end, log=False)


def _at(limits: Sequence[Limit], along: str) -> list[float]:
    return [each.at for each in limits if each.along == along]


def _grid(along: Scale | None, up: Scale, x: str, y: str) -> str:
    parts = []
    for tick in up.ticks():
        at = up(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at + 3.5}" text-anchor="end">{shown(tick)}</text>')
    for tick in along.ticks() if along else ():
        at = along(tick) if along else 0.0
        parts.append(f'<line class="grid faint" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text class="tick" x="{at}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{shown(tick)}</text>'
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(_text("axis", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x))
    parts.append(_text("axis", 14, middle, y, f' transform="rotate(-90 14 {middle})"'))
    parts.append(f'<line class="base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
    return "".join(parts)


def _limit(limit: Limit, along: Scale, up: Scale) -> str:
    if limit.along == "y":
        at = up(limit.at)
        line = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"'
        label = f'x="{LEFT + 6}" y="{at - 5}"'
    else:
        at = along(limit.at)
        line = f'x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
        label = f'x="{at + 5}" y="{HEIGHT - BOTTOM - 6}"'
    return f'<line class="limit" {line}/><text class="limit-label" {label}>{escape(limit.label)}</text>'


def _line(series: Series, along: Scale, up: Scale, x: str, y: str) -> str:
    places = [(along(left), up(high)) for left, high in series.points]
    path = " ".join(f"{'L' if index else 'M'}{left} {high}" for index, (left, high) in enumerate(places))
    dashed = " dashed" if series.dashed else ""
    parts = [f'<path class="line {series.colour}{dashed}" d="{path}"/>'] if len(places) > 1 else []
    if series.dots or len(places) == 1:
        for (left, high), (value, height) in zip(places, series.points, strict=True):
            told = f"{series.name}: {shown(height)} {y}, {shown(value)} {x}"
            dot = f'<circle class="dot {series.colour}" cx="{left}" cy="{high}" r="3.5">'
            parts.append(f"{dot}<title>{escape(told)}</title></circle>")
    return "".join(parts)


def _text(kind: str, x: float, y: float, content: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="middle"{more}>{escape(content)}</text>'


def _svg(title: str, content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{content}</svg>'
