"""Alerts that nobody wants to hear of for a while: by their labels, with a reason, and until a time. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from headrace.errors import InvalidRequest
from headrace.objectives.conditions import Key

MOST = 1000
"""Silences at a time."""

MOST_S = 31 * 86400.0
MOST_CHARACTERS = 500

NAMES = ("alert", "model", "version", "objective", "side", "feature", "place", "part")
"""What an alert can be told by."""


class Silence(msgspec.Struct, frozen=True):
    """Alerts that have all these labels are not told until `until_s`, in Unix time."""

    id: str
    match: dict[str, str]
    until_s: float
    reason: str
    made_s: float

    def covers(self, key: Key) -> bool:
        labels = {"alert": key.alert, **dict(key.labels)}
        return all(labels.get(name) == value for name, value in self.match.items())


class Silences:
    """Owns those that are in force."""

    def __init__(self) -> None:
        self._silences: dict[str, Silence] = {}
        self._made = 0

    def add(self, match: Mapping[str, str], for_s: float, reason: str, now_s: float) -> Silence:
        """Raises InvalidRequest that names what is wrong with it."""
        self.expire(now_s)
        _check(match, for_s, reason)
        if len(self._silences) >= MOST:
            raise InvalidRequest(f"there are {MOST} silences; take one back first")
        self._made += 1
        # The time makes it differ from those of an earlier start.
        silence = Silence(f"{int(now_s)}-{self._made}", dict(match), now_s + for_s, reason, now_s)
        self._silences[silence.id] = silence
        return silence

    def remove(self, silence_id: str) -> bool:
        """Whether there was one."""
        return self._silences.pop(silence_id, None) is not None

    def all(self) -> list[Silence]:
        return list(self._silences.values())

    def restore(self, kept: Iterable[Silence], now_s: float) -> None:
        """Take up those of an earlier start that are still in force."""
        for silence in kept:
            self._silences[silence.id] = silence
        self.expire(now_s)

    def expire(self, now_s: float) -> None:
        """Forget those that are over."""
        self._silences = {each.id: each for each in self._silences.values() if each.until_s > now_s}

    def covering(self, key: Key) -> Silence | None:
        """The one for which an alert is not told."""
        return next((each for each in self._silences.values() if each.covers(key)), None)


def _check(match: Mapping[str, str], for_s: float, reason: str) -> None:
    if not match:
        raise InvalidRequest('is empty; give labels that the alerts have, as in {"model": "ocr"}', "match")
    for name, value in match.items():
        if name not in NAMES:
            raise InvalidRequest(f"alerts have no such label; they have {', '.join(NAMES)}", f"match.{name[:64]}")
        if len(value) > MOST_CHARACTERS:
            raise InvalidRequest(f"has more than {MOST_CHARACTERS} characters", f"match.{name}")
    if not 0 < for_s <= MOST_S:
        raise InvalidRequest(f"{for_s:g} is not a number of seconds above 0 and at most {MOST_S:,.0f}", "for_s")
    if len(reason) > MOST_CHARACTERS:
        raise InvalidRequest(f"has more than {MOST_CHARACTERS} characters", "reason")
