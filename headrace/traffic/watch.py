"""Sees how a model's requests are answered, and has some of them mirrored; the answers themselves it leaves alone."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from headrace.clock import Clock
from headrace.errors import (
    DeadlineExceeded,
    HeadraceError,
    InputRefused,
    Internal,
    ModelInvalid,
    ModelUnavailable,
    QueueFull,
    WorkerLost,
    WouldBeLate,
)
from headrace.servable import Cancel, Reply
from headrace.traffic.mirror import Answered, Mirror, Original, copied, run_alone_ns
from headrace.traffic.waiting import Waiting
from headrace.types import ModelVersion, Request, Response

log = logging.getLogger(__name__)

Tap = Callable[[Request, ModelVersion, Reply], Reply]
"""Where the answer to a request goes instead, once its version is known."""

Follow = Callable[[Request, ModelVersion, Reply], tuple[Reply, Cancel]]
"""As `Tap`, and what is called where the caller goes away before the last answer."""

FAILURES = frozenset(
    kind.code
    for kind in (
        InputRefused,
        Internal,
        ModelInvalid,
        ModelUnavailable,
        WorkerLost,
        DeadlineExceeded,
        QueueFull,
        WouldBeLate,
    )
)
"""Codes of errors that count against the version that was asked; others are the caller's."""


class Watcher(Protocol):
    """Wants to know how versions answer: a shadow, a rollout."""

    tolerance: float

    @property
    def patience_ns(self) -> int | None:
        """How long nothing of an answer may come before the request counts as failed; None: as long as it likes."""
        ...

    def other(self, version: int) -> tuple[int, float] | None:
        """The version that is to be asked besides, and of how many requests; None: none is."""
        ...

    def routed(self, version: int, ns: int, run_ns: int, failed: bool) -> None:
        """A version answered, or failed; `run_ns` as `run_alone_ns`."""
        ...

    def mirrored(self, answered: Answered | None) -> None:
        """A version that was asked besides answered; None: it was not asked."""
        ...


class Watch:
    """Stands between the gateway and the callers of one model."""

    def __init__(self, clock: Clock, mirror: Mirror, draw: Callable[[], float]) -> None:
        self.watchers: Sequence[Watcher] = ()
        self.waiting: Waiting[_Followed] = Waiting()
        self.mirror = mirror
        self.now_ns = clock.now_ns
        self._draw = draw

    def look(self) -> None:
        """At what is waited for: requests that have had nothing for too long count as failed, whatever comes then."""
        if patience_ns := self.patience_ns():
            for followed in self.waiting.overdue(self.now_ns() - patience_ns):
                followed.failed(patience_ns)

    def __call__(self, request: Request, version: ModelVersion, reply: Reply) -> tuple[Reply, Cancel]:
        """As `Follow`. Requests that name a version are not looked at."""
        if request.model.version is not None or request.model.label:
            return reply, _nothing
        copies = [found for watcher in self.watchers if (found := self._copy(watcher, request, version.version))]
        kept = msgspec.structs.replace(request, inputs=copied(request.inputs)) if copies else None
        followed = _Followed(self, version, self.now_ns(), reply, kept, copies)
        return followed.answered, followed.left

    def patience_ns(self) -> int | None:
        """That of the least patient watcher."""
        said = [watcher.patience_ns for watcher in self.watchers if watcher.patience_ns is not None]
        return min(said, default=None)

    def _copy(self, watcher: Watcher, request: Request, version: int) -> tuple[Watcher, int] | None:
        """Which version is to be asked besides, and for whom."""
        found = watcher.other(version)
        if found is None or self._draw() >= found[1] or request.ask is not None:
            return None
        if not self.mirror.has_room(request, found[0]):
            self.mirror.drop(found[0], watcher.mirrored)
            return None
        return watcher, found[0]


class _Followed:
    """One request, from the version that was asked to the caller."""

    def __init__(
        self,
        watch: Watch,
        version: ModelVersion,
        began_ns: int,
        reply: Reply,
        kept: Request | None,
        copies: Sequence[tuple[Watcher, int]],
    ) -> None:
        """`kept` is the request as it is sent to those that are asked besides, where there are `copies`."""
        self._watch = watch
        self._watchers = watch.watchers
        self._version = version
        self._began_ns = began_ns
        self._reply = reply
        self._kept = kept
        self._copies = copies
        self._key: int | None = watch.waiting.asked(self, began_ns)  # None: something came, or the caller went
        self._in_time = True

    def answered(self, answer: Response | HeadraceError) -> None:
        ns = self._watch.now_ns() - self._began_ns
        if self._key is not None:
            self._in_time, self._key = self._watch.waiting.came(self._key), None
        self._reply(answer)
        if isinstance(answer, HeadraceError) or answer.final:
            try:
                self._seen(answer, ns)
            except Exception:  # watching must never harm what is watched
                log.exception("an answer of %s could not be looked at", self._version)

    def left(self) -> None:
        """The caller went away: after too long without anything of an answer that is the version's failure."""
        key, self._key = self._key, None
        if key is not None and self._watch.waiting.came(key):
            patience_ns, ns = self._watch.patience_ns(), self._watch.now_ns() - self._began_ns
            if patience_ns and ns >= patience_ns:
                self.failed(ns)

    def failed(self, ns: int) -> None:
        """The version gave nothing of an answer for so long."""
        for watcher in self._watchers:
            watcher.routed(self._version.version, ns, 0, True)

    def _seen(self, answer: Response | HeadraceError, ns: int) -> None:
        failed = isinstance(answer, HeadraceError)
        if self._in_time and (not isinstance(answer, HeadraceError) or answer.code in FAILURES):
            run_ns = 0 if isinstance(answer, HeadraceError) else run_alone_ns(answer)
            for watcher in self._watchers:
                watcher.routed(self._version.version, ns, run_ns, failed)
        if self._kept is not None and isinstance(answer, Response):
            original = Original(self._kept, copied(answer.outputs), ns)
            for watcher, other in self._copies:
                self._watch.mirror.send(original, other, watcher.tolerance, watcher.mirrored)


def _nothing() -> None:
    """Of a caller that nobody follows."""
