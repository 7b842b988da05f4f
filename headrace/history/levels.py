"""How finely what was is kept: the last hour in steps of seconds, a week by the minute, five weeks by the hour."""

import math

import msgspec


class Level(msgspec.Struct, frozen=True):
    """Steps of one length, kept for so long; seconds."""

    number: int  # finest first
    step_s: int
    kept_s: int


RAW = Level(0, 5, 3600)
MINUTES = Level(1, 60, 7 * 86_400)
HOURS = Level(2, 3600, 35 * 86_400)
LEVELS = (RAW, MINUTES, HOURS)


def step_of(at_s: float, level: Level) -> int:
    """When the step began that this moment falls into; Unix time."""
    return math.floor(at_s / level.step_s) * level.step_s


def finished(since_s: int | None, now_s: float, level: Level) -> range:
    """The beginnings of the steps that are over, from the one after `since_s` (None: the one before now) on.

    A clock that was put forward does not make for years of empty steps: none is older than the level is kept.
    """
    end = step_of(now_s, level)
    start = end - level.step_s if since_s is None else since_s + level.step_s
    return range(max(start, end - level.kept_s), end, level.step_s)


def finest(since_s: float, until_s: float, now_s: float, most: int) -> Level:
    """The level to show a stretch of time by: the finest that reaches back so far and needs at most so many steps."""
    for level in LEVELS:
        back_s = now_s - since_s - MINUTES.step_s  # a while passes between a question and its answer
        if back_s <= level.kept_s and (until_s - since_s) / level.step_s <= most:
            return level
    return LEVELS[-1]
