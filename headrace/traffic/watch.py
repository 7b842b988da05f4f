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
from headrace.servable import Reply
from headrace.traffic.mirror import Answered, Mirror, Original, copied, run_alone_ns
from headrace.types import ModelVersion, Request, Response

log = logging.getLogger(__name__)

Tap = Callable[[Request, ModelVersion, Reply], Reply]
"""Where the answer to a request goes instead, once its version is known."""

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
        self._clock = clock
        self._mirror = mirror
        self._draw = draw

    def __call__(self, request: Request, version: ModelVersion, reply: Reply) -> Reply:
        """What the answer goes to instead. Requests that name a version are not looked at."""
        if request.model.version is not None or request.model.label:
            return reply
        began_ns, watchers = self._clock.now_ns(), self.watchers
        copies = [found for watcher in watchers if (found := self._copy(watcher, request, version.version))]
        kept = msgspec.structs.replace(request, inputs=copied(request.inputs)) if copies else None

        def seen(answer: Response | HeadraceError, ns: int) -> None:
            if not isinstance(answer, HeadraceError) or answer.code in FAILURES:
                failed = isinstance(answer, HeadraceError)
                run_ns = 0 if isinstance(answer, HeadraceError) else run_alone_ns(answer)
                for watcher in watchers:
                    watcher.routed(version.version, ns, run_ns, failed)
            if kept is not None and isinstance(answer, Response):
                original = Original(kept, copied(answer.outputs), ns)
                for watcher, other in copies:
                    self._mirror.send(original, other, watcher.tolerance, watcher.mirrored)

        def answered(answer: Response | HeadraceError) -> None:
            ns = self._clock.now_ns() - began_ns
            reply(answer)
            if isinstance(answer, HeadraceError) or answer.final:
                try:
                    seen(answer, ns)
                except Exception:  # watching must never harm what is watched
                    log.exception("an answer of %s could not be looked at", version)

        return answered

    def _copy(self, watcher: Watcher, request: Request, version: int) -> tuple[Watcher, int] | None:
        """Which version is to be asked besides, and for whom."""
        found = watcher.other(version)
        if found is None or self._draw() >= found[1] or request.ask is not None:
            return None
        if not self._mirror.has_room(request, found[0]):
            self._mirror.drop(found[0], watcher.mirrored)
            return None
        return watcher, found[0]
