"""What is known of requests in case their engine dies: how far each stream was told, and which may be what it died of.

Pure: no process, no clock.
"""

from array import array
from collections.abc import Iterable, Sequence

import msgspec

from headrace.batching.blame import NONE, Blame
from headrace.generation import Generated, Times
from headrace.llm.engine_protocol import Told

PROBATION_STEPS = 32  # that one on trial has to come through


class Resumption:
    """How far one stream was told. Owned by the call that answers it."""

    __slots__ = ("_finished", "_times", "_token_ids", "begun")

    def __init__(self, num_choices: int) -> None:
        self.begun = False
        self._token_ids = [array("i") for _ in range(num_choices)]
        self._finished = [False] * num_choices
        self._times = Times()

    def hear(self, result: Generated) -> Generated:
        """One more answer; with the times of the first, which an engine that goes on with it does not know."""
        if not self.begun:
            self.begun, self._times = True, result.times
        elif not result.times.first_token_ns:
            result = msgspec.structs.replace(result, times=msgspec.structs.replace(self._times, told_ns=0))
        for delta in result.deltas:
            self._token_ids[delta.index].extend(delta.token_ids)
            if delta.finish:
                self._finished[delta.index] = True
        return result

    def told(self) -> tuple[Told, ...]:
        """What the next engine is to go on from."""
        return tuple(Told(tuple(ids), done) for ids, done in zip(self._token_ids, self._finished, strict=True))


class Suspects:
    """Which requests an engine may have died of, and which of them may be sent to the next one now.

    One that was answered anything since it was last sent is none. One that is suspected after several deaths is on
    trial by itself: nothing else is sent until it was answered something, or has come through some steps.
    """

    def __init__(self) -> None:
        self._blames: dict[int, Blame] = {}  # of those that died with an engine and were answered nothing since
        self._quiet: set[int] = set()  # sent, and answered nothing since
        self._trial: int | None = None  # the suspected one that is out
        self._steps_left = 0  # of the trial
        self._fruitful = False  # whether anything was answered since the last death
        self._left = False  # whether one that was answered nothing left since the last step: it may be in there still

    def sendable(self, numbers: Sequence[int]) -> list[int]:
        """Those of the waiting that may be sent: all, or of those that are suspected the first."""
        if self._trial is not None:
            return []
        suspected = next(filter(self._suspected, numbers), None)
        return list(numbers) if suspected is None else [suspected]

    def sent(self, numbers: Iterable[int]) -> None:
        """These are the engine's."""
        for number in numbers:
            self._quiet.add(number)
            if self._suspected(number):
                self._trial, self._steps_left = number, PROBATION_STEPS

    def stepped(self, answered: Iterable[int]) -> bool:
        """A step was computed, and these were answered something; whether more may be sent now."""
        ended = self._left = False
        for number in answered:
            self._fruitful = True
            self._quiet.discard(number)
            ended = self.forget(number) or ended
        if self._trial is not None:
            self._steps_left -= 1
            if not self._steps_left:
                self._trial, ended = None, True
        return ended

    def forget(self, number: int) -> bool:
        """Nothing is to be known of it any more; whether more may be sent now."""
        self._left = self._left or number in self._quiet
        self._quiet.discard(number)
        self._blames.pop(number, None)
        if self._trial != number:
            return False
        self._trial = None
        return True

    def died(self, hung: bool = False, by_itself: bool = False) -> list[int]:
        """The engine died, and with it what it had; those that are to be given up.

        `hung`: it was ended because a step did not end; `by_itself`: all that it had was one request, which then is
        what it hung of, whoever was answered before.
        """
        in_company = hung and self._left
        answered = self._fruitful and not (hung and by_itself and not in_company)
        for number in self._quiet:
            self._blames[number] = self._blames.get(number, NONE).after(answered, hung)
        alone = len(self._quiet) == 1 and not in_company
        given_up = [number for number in self._quiet if self._blames[number].given_up(alone)]
        self._quiet, self._trial, self._fruitful, self._left = set(), None, False, False
        return given_up

    def _suspected(self, number: int) -> bool:
        blame = self._blames.get(number)
        return blame is not None and blame.suspected
