"""When a feature is in alarm: from a window that crosses until two in a row are quiet."""

from collections.abc import Iterable, Mapping

import msgspec

from headrace.drift.comparison import Score

QUIET = 2
"""Windows without a crossing that end an alarm."""


class Crossing(msgspec.Struct, frozen=True):
    """The test of a feature that is farthest over its threshold."""

    score: Score
    against: str  # reference, previous
    ratio: float


class Alarms:
    """The features of one side of one version that are in alarm."""

    def __init__(self) -> None:
        self._quiet: dict[str, int] = {}  # windows since the last crossing, of each in alarm
        self._begun: dict[str, Crossing] = {}

    def __contains__(self, feature: str) -> bool:
        return feature in self._quiet

    def window(self, crossed: Mapping[str, Crossing]) -> tuple[list[Crossing], list[Crossing]]:
        """What one window crossed, by feature: those that begin an alarm, and what began those that end."""
        begun = [crossing for feature, crossing in crossed.items() if feature not in self._quiet]
        ended: list[Crossing] = []
        for feature in list(self._quiet):
            self._quiet[feature] += 1
            if feature not in crossed and self._quiet[feature] >= QUIET:
                del self._quiet[feature]
                ended.append(self._begun.pop(feature))
        for feature, crossing in crossed.items():
            self._quiet[feature] = 0
            self._begun.setdefault(feature, crossing)
        return begun, ended

    def clear(self) -> list[Crossing]:
        """End all, and return what began each."""
        ended = list(self._begun.values())
        self._quiet.clear()
        self._begun.clear()
        return ended


def worst(found: Iterable[tuple[str, Score]]) -> dict[str, Crossing]:
    """Of scores, each with what it is against, those that crossed: the worst of each feature."""
    crossed: dict[str, Crossing] = {}
    for against, score in found:
        if score.crossed and (score.feature not in crossed or score.ratio > crossed[score.feature].ratio):
            crossed[score.feature] = Crossing(score, against, score.ratio)
    return crossed
