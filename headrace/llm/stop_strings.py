"""Stop strings in a text that comes piece by piece, wherever the borders between tokens fall."""

import re
from array import array
from collections.abc import Sequence

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import MAX_STOP_CHARACTERS, MAX_STOPS


class Stopped(msgspec.Struct, frozen=True):
    """What a piece releases, and the stop string that ended the text with it."""

    text: str
    stop: str | None = None


def check_stops(stops: Sequence[str], where: str = "stop") -> None:
    """Raises InvalidRequest for more stop strings, or longer ones, than are looked for, and for an empty one."""
    if len(stops) > MAX_STOPS:
        raise InvalidRequest(f"at most {MAX_STOPS} stop strings may be given, not {len(stops):,}", where)
    for index, stop in enumerate(stops):
        if not stop:
            raise InvalidRequest("a stop string needs a character", f"{where}[{index}]")
        if len(stop) > MAX_STOP_CHARACTERS:
            raise InvalidRequest(
                f"a stop string has at most {MAX_STOP_CHARACTERS:,} characters, not {len(stop):,}", f"{where}[{index}]"
            )


class StopStrings:
    """Watches one text. The text ends where a stop string is first complete; of several complete there, the longest
    is the one. What may be the beginning of a stop string is held back until it is known to be none.

    Every character costs one look at each stop string that may have begun (Knuth, Morris and Pratt's automaton for
    each), and one search by the regular expression engine for a first character while none has.
    """

    def __init__(self, stops: Sequence[str], include_stop: bool = False) -> None:
        """`stops` as `check_stops` allows them; `include_stop` keeps the stop string at the end of the text."""
        self._stops = [(stop, _borders(stop)) for stop in dict.fromkeys(stops)]
        self._beginning: dict[str, list[int]] = {}  # first character -> stops
        for index, (stop, _) in enumerate(self._stops):
            self._beginning.setdefault(stop[0], []).append(index)
        self._first = re.compile(f"[{re.escape(''.join(self._beginning))}]") if stops else None
        self._include = include_stop
        self._matched: dict[int, int] = {}  # stop -> characters of it that the text ends with, if any
        self._held = ""

    def feed(self, piece: str) -> Stopped:
        """What is certain to belong to the text now. After a stop nothing more may be fed."""
        if self._first is None:
            return Stopped(piece)
        at = 0
        while at < len(piece):
            if not self._matched:
                found = self._first.search(piece, at)
                if found is None:
                    break
                at = found.start()
            self._step(piece[at])
            at += 1
            if stop := self._complete():
                whole = self._held + piece[:at]
                self._held = ""
                return Stopped(whole if self._include else whole[: -len(stop)], stop)
        whole = self._held + piece
        certain = len(whole) - max(self._matched.values(), default=0)
        self._held = whole[certain:]
        return Stopped(whole[:certain])

    def finish(self) -> str:
        """What was held back, where the text ends for another reason."""
        held, self._held = self._held, ""
        self._matched.clear()
        return held

    def _step(self, character: str) -> None:
        """Advance every automaton by a character."""
        matched = dict.fromkeys(self._beginning.get(character, ()), 1)
        for index, begun in self._matched.items():
            length = begun
            stop, borders = self._stops[index]
            while length and stop[length] != character:
                length = borders[length]
            if stop[length] == character:
                matched[index] = length + 1
        self._matched = matched

    def _complete(self) -> str:
        """The longest stop string that the text ends with; empty where there is none."""
        ends = [
            self._stops[index][0] for index, length in self._matched.items() if length == len(self._stops[index][0])
        ]
        return max(ends, key=len, default="")


def _borders(stop: str) -> array[int]:
    """For each length, that of the longest shorter beginning of `stop` which its first so many characters end with."""
    borders = array("H", bytes(2 * (len(stop) + 1)))
    length = 0
    for index in range(1, len(stop)):
        while length and stop[length] != stop[index]:
            length = borders[length]
        length += stop[length] == stop[index]
        borders[index + 1] = length
    return borders
