"""A line for each request, or for one in so many: chosen by a follower of `Sift`, made by the writer's thread."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial

from headrace.alike import Lot, set_apart
from headrace.observe.log_output import LogOutput
from headrace.observe.request_line import RequestLine, request_line, run_line, severity
from headrace.observe.sift import generations_of
from headrace.observe.thinning import Thinning
from headrace.records import GenerationRecord, RequestRecord
from headrace.request_list import each_at

TOGETHER = 96
"""Lines that are made without a rest: the writer's thread holds up the event loop's for about as long as that may be,
and each rest costs both a tenth of a millisecond."""


class RequestLines:
    """Chooses the requests that have a line.

    Those that failed or were slow have it always, but for what is more than `max_notable_per_s`, which is counted; of
    all others up to `max_per_s`. A model at level debug has all of them.
    """

    def __init__(
        self,
        output: LogOutput,
        max_per_s: int,
        max_notable_per_s: int,
        now_ns: Callable[[], int],
        epoch_ns: int,
    ) -> None:
        """`epoch_ns` is Unix time when the clock was 0."""
        self.dropped = Counter(rate=0)  # lines about requests that failed or were slow
        self._output = output
        self._levels = output.levels
        self._now_ns = now_ns
        self._epoch_ns = epoch_ns
        self._usual = Thinning(max_per_s)
        self._notable = Thinning(max_notable_per_s)
        self._usual_wanted = max_per_s > 0

    def follow(self, lot: Lot, slow: Collection[int]) -> None:
        if not lot.requests:
            return
        notable, usual, whole = self._sorted(lot, slow)
        now_ns = self._now_ns()
        chosen = [(place, 1) for place in whole]
        for places, thinning in ((notable, self._notable), (usual, self._usual)):
            picked, stands_for = thinning.pick(len(places), now_ns)
            chosen += [(places[each], stands_for) for each in picked]
            if thinning is self._notable:
                self.dropped["rate"] += len(places) - len(picked)
        chosen.sort()
        generations = generations_of(lot)
        for begin in range(0, len(chosen), TOGETHER):
            some = chosen[begin : begin + TOGETHER]
            self._output.writer.make(len(some), partial(self._made, lot.requests, slow, generations, some))

    def _sorted(self, lot: Lot, slow: Collection[int]) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """The places of those that failed or were slow, of others, and of those whose model is looked into."""
        levels = self._levels
        usual: list[int] = []
        notable: list[int] = []
        whole: list[int] = []
        plain = levels.same_for_all and levels.shows(logging.INFO) and not levels.shows(logging.DEBUG)
        if plain and self._usual_wanted:  # as it is most of the time
            return *set_apart(lot, slow), whole
        for place, each in enumerate(lot.requests):
            is_slow = id(each) in slow
            rank = severity(each, is_slow)
            if not levels.shows(rank, each.model):
                continue
            if levels.shows(logging.DEBUG, each.model):
                whole.append(place)
            elif each.error or is_slow:
                if self._usual_wanted or rank > logging.INFO:
                    notable.append(place)
            elif self._usual_wanted:
                usual.append(place)
        return notable, usual, whole

    def _made(
        self,
        requests: Sequence[RequestRecord],
        slow: Collection[int],
        generations: dict[str, list[GenerationRecord]],
        chosen: Sequence[tuple[int, int]],
    ) -> list[str]:
        """On the writer's thread: lines of the requests at these places, and for how many each stands."""
        epoch_ns = self._epoch_ns
        lines: list[RequestLine] = []
        told = each_at(requests, [place for place, _ in chosen])
        for (place, stands_for), (common, id_, arrived_ns) in zip(chosen, told, strict=True):
            is_slow = bool(slow) and id(requests[place]) in slow
            if common.batch is not None and not generations:
                lines.append(run_line(common, id_, arrived_ns, is_slow, stands_for, epoch_ns))
            else:
                record = requests[place]
                lines.append(request_line(record, is_slow, _of(record, generations), stands_for, epoch_ns))
        return self._output.form.write_all(lines)


def _of(record: RequestRecord, generations: dict[str, list[GenerationRecord]]) -> GenerationRecord | None:
    """The generation of a request; of several under one id the next."""
    found = generations.get(record.id)
    return found.pop(0) if found else None
