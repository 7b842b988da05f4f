"""What runs on the device besides requests, a load, a warm-up or a probe: recorded with its part of the device."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.clock import Clock
from headrace.device_time import DeviceTime, Phase, Share
from headrace.records import Recorder, WorkRecord
from headrace.types import ModelVersion

Phases = tuple[tuple[Phase, int], ...]
"""How long, in nanoseconds, each phase took that was no part of the main one."""


class Work:
    """Something under way; whoever does it may say what else was done meanwhile."""

    def __init__(self) -> None:
        self.spent_ns: Phases = ()


class Works:
    """Records what is done in a `with`, whatever comes of it."""

    def __init__(self, record: Recorder, clock: Clock, device: DeviceTime | None = None) -> None:
        self.device = device or DeviceTime()
        self._record = record
        self._now_ns = clock.now_ns

    @contextmanager
    def doing(self, model: ModelVersion, phase: Phase) -> Iterator[Work]:
        """The device is at work on this from now until the end of the `with`."""
        work, began_ns = Work(), self._now_ns()
        mark = self.device.began(began_ns)
        try:
            yield work
        finally:
            ended_ns = self._now_ns()
            device_ns = self.device.ended(mark, ended_ns)
            self._record(WorkRecord(model, device_ns, shares_of(phase, ended_ns - began_ns, work.spent_ns)))


def shares_of(phase: Phase, took_ns: int, spent_ns: Phases) -> tuple[Share, ...]:
    """By time, nobody's: what was told of, and the rest, which is the main phase."""
    shares = [("", each, ns) for each, ns in spent_ns if ns > 0]
    return ("", phase, max(1, took_ns - sum([share[2] for share in shares]))), *shares
