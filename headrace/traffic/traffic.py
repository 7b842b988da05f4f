"""Splits, shadows and rollouts of every model: begun by requests, followed to their end, and told of."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from headrace.clock import Clock, Timer, unix_s
from headrace.errors import HeadraceError, NotFound
from headrace.records import Recorder, TrafficEvent
from headrace.traffic.mirror import Find, Mirror
from headrace.traffic.plans import Plans, Rollout, Shadow, Split
from headrace.traffic.progress import Back, Finish, GoTo, Stay
from headrace.traffic.run import RolloutReport, Run
from headrace.traffic.shadow import ShadowReport, ShadowSeen
from headrace.traffic.watch import Follow, Watch

log = logging.getLogger(__name__)

LOOK_NS = 250_000_000
"""Between two looks at the gates."""

AGAIN_NS = 5_000_000_000
"""Until what could not be done is tried again."""


class Moves(Protocol):
    """Has the models' versions stand as a plan says: `models/moves.py`."""

    async def split(self, name: str, split: Split | None) -> None: ...

    async def shadow(self, name: str, shadow: Shadow | None) -> None: ...

    async def begin(self, name: str, rollout: Rollout) -> None: ...

    async def go_to(self, name: str, rollout: Rollout, step: int) -> None: ...

    async def finish(self, name: str, rollout: Rollout) -> None: ...

    async def back(self, name: str, rollout: Rollout | None) -> None: ...


class Traffic:
    """Owns what is watched of each model, and the clock by which rollouts move. Made on a running event loop."""

    def __init__(
        self,
        taps: dict[str, Follow],
        moves: Moves,
        find: Find,
        halt: Callable[[str, int], None],
        clock: Clock,
        record: Recorder,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`taps` are by model, of those that are watched: the gateway reads them, and nobody else writes them.

        `halt` has a model's rollout give a version nothing more, at once and until another is wished for.
        """
        self._taps = taps
        self._moves = moves
        self._find = find
        self._halt = halt
        self._clock = clock
        self._record = record
        self._draw = draw
        self._plans: dict[str, Plans] = {}
        self._shadows: dict[str, ShadowSeen] = {}
        self._runs: dict[str, Run] = {}
        self._ended: dict[str, RolloutReport] = {}
        self._asked: set[str] = set()  # models for which a request begins a rollout now
        self._closed = False
        self._all_loaded = False  # what the start wants was tried: a version that is not there is missing
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: Timer | None = None

    async def split(self, name: str, split: Split | None) -> None:
        """Share requests by weights, or with None no longer; as `Reconcile.steer`."""
        await self._moves.split(name, split)

    async def shadow(self, name: str, shadow: Shadow | None) -> None:
        """Have a candidate asked besides, or with None no longer; as `Reconcile.steer`."""
        await self._moves.shadow(name, shadow)

    async def roll_out(self, name: str, rollout: Rollout) -> None:
        """Begin, once the new version is ready; as `Reconcile.steer`."""
        self._asked.add(name)
        try:
            await self._moves.begin(name, rollout)
        finally:
            self._asked.discard(name)

    async def roll_back(self, name: str) -> None:
        """End the rollout that runs; as `Reconcile.steer`."""
        run = self._runs.get(name)
        asked = run is not None and not run.reason
        if run and asked:
            run.reason = "a request rolled it back"
        try:
            await self._moves.back(name, None)
        except HeadraceError:
            if run and asked and not run.leaving:
                run.reason = ""
            raise

    def split_of(self, name: str) -> Split:
        """Raises NotFound where there is none."""
        split = self._plans.get(name, Plans()).split
        if split is None:
            raise NotFound(f"model {name!r} has no split")
        return split

    def shadow_of(self, name: str) -> ShadowReport:
        """Raises NotFound where there is none."""
        if name not in self._shadows:
            raise NotFound(f"model {name!r} has no shadow")
        return self._shadows[name].report()

    def rollout_of(self, name: str) -> RolloutReport:
        """The one that runs, or else the last of this start. Raises NotFound where there is none."""
        if run := self._runs.get(name):
            return run.report(self._clock.now_ns(), share=0.0 if run.leaving else None)
        if name not in self._ended:
            raise NotFound(f"model {name!r} has no rollout, and had none since the server started")
        return self._ended[name]

    def wished(self, name: str, plans: Plans) -> None:
        """From now on this is planned for the model, whoever said so."""
        before = self._plans.get(name, Plans())
        if plans == before:
            return
        self._plans[name] = plans
        if plans == Plans():
            del self._plans[name]
        if plans.split != before.split:
            self._follow_split(name, plans.split)
        if plans.shadow != before.shadow:
            self._follow_shadow(name, plans.shadow)
        if plans.rollout != before.rollout:
            self._follow_rollout(name, plans.rollout)
        self._watch(name)

    def loaded(self) -> None:
        """All that is wanted at the start has been tried: what is not ready now is not going to be by itself."""
        self._all_loaded = True
        self._look()

    async def close(self) -> None:
        """Look no more. Rollouts that run go on after the next start."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- what was wished for

    def _follow_split(self, name: str, split: Split | None) -> None:
        said = "" if split is None else ", ".join(f"{each}: {weight:g}" for each, weight in split.weights.items())
        self._event(name, None, "split", "set" if split else "removed", said)

    def _follow_shadow(self, name: str, shadow: Shadow | None) -> None:
        if shadow is None:
            del self._shadows[name]
            self._event(name, None, "shadow", "removed", "")
        else:
            self._shadows[name] = ShadowSeen(shadow)
            self._event(name, shadow.version, "shadow", "set", f"{shadow.share:.3g} of the requests")

    def _follow_rollout(self, name: str, rollout: Rollout | None) -> None:
        run = self._runs.get(name)
        if rollout is None:
            if run:
                self._end(name, run)
        elif run and (run.rollout.base, run.rollout.to) == (rollout.base, rollout.to):
            run.follow(rollout, self._clock.now_ns())
            self._tell_step(name, rollout, "step", "")
        else:
            self._runs[name] = Run(rollout, self._clock.now_ns())
            self._ended.pop(name, None)
            asked = name in self._asked
            after = "" if asked else "; the server started anew, and what was seen before is not counted"
            self._tell_step(name, rollout, "started" if asked else "resumed", after)
            self._timer = self._timer or self._clock.call_at(self._clock.now_ns() + LOOK_NS, self._look)

    def _end(self, name: str, run: Run) -> None:
        del self._runs[name]
        done = run.reason == DONE
        if not run.reason:
            run.reason = "the model was unloaded, or is another now"
        share = float(done)
        self._ended[name] = run.report(self._clock.now_ns(), "done" if done else "rolled back", share)
        if not run.leaving:  # else that was told when it was decided
            self._event(name, run.rollout.to, "rollout", self._ended[name].state, f"{run.rollout}: {run.reason}")

    def _watch(self, name: str) -> None:
        """Have those see the model's answers that want to."""
        watchers = [each for each in (self._runs.get(name), self._shadows.get(name)) if each]
        if not watchers:
            self._taps.pop(name, None)
            return
        watch = self._taps.get(name)
        if not isinstance(watch, Watch):
            watch = Watch(self._clock, Mirror(name, self._find, self._clock, self._record), self._draw)
            self._taps[name] = watch
        watch.watchers = watchers

    # ---- rollouts that run

    def _look(self) -> None:
        """Decide of each rollout, and look again soon while there are any."""
        if self._timer:
            self._timer.cancel()
        self._timer = None
        for name, run in list(self._runs.items()):
            if not run.leaving and self._all_loaded:
                self._decide(name, run)
        if self._runs:
            self._timer = self._clock.call_at(self._clock.now_ns() + LOOK_NS, self._look)

    def _decide(self, name: str, run: Run) -> None:
        rollout = run.rollout
        if isinstance(watch := self._taps.get(name), Watch):
            watch.look()
        if self._find(name, rollout.to) is None:
            self._go_back(name, run, f"version {rollout.to} is not ready")
            return
        match run.next_move(self._clock.now_ns()):
            case _ if run.reason == DONE:
                pass  # it has ended, and is being told so
            case Back(reason):
                self._go_back(name, run, reason)
            case GoTo(step) if not run.turning:
                self._turn(name, run, lambda: self._moves.go_to(name, rollout, step))
            case Finish() if not run.turning:
                run.reason = DONE
                self._turn(name, run, lambda: self._moves.finish(name, rollout))
            case Stay() | GoTo() | Finish():
                pass

    def _go_back(self, name: str, run: Run, reason: str) -> None:
        run.leaving, run.reason = True, reason
        self._halt(name, run.rollout.to)
        self._event(
            name, run.rollout.to, "rollout", "rolled back", f"{run.rollout}, step {run.rollout.step + 1}: {reason}"
        )
        self._turn(name, run, lambda: self._moves.back(name, run.rollout))

    def _turn(self, name: str, run: Run, move: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have it done, and again after a while where that fails."""
        run.turning = True
        task = asyncio.get_running_loop().create_task(self._do(name, run, move))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, name: str, run: Run, move: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await move()
            run.turning = False
        except NotFound:
            run.turning = False  # another has ended it meanwhile
        except HeadraceError as error:
            log.warning("the rollout of %s %s cannot go on yet: %s", name, run.rollout, error)
            if self._runs.get(name) is run:
                self._clock.call_at(self._clock.now_ns() + AGAIN_NS, lambda: self._again(name, run, move))

    def _again(self, name: str, run: Run, move: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._runs.get(name) is run and not self._closed:
            self._turn(name, run, move)

    # ---- what is told

    def _tell_step(self, name: str, rollout: Rollout, state: str, more: str) -> None:
        step = f"step {rollout.step + 1} of {len(rollout.steps)}"
        self._event(name, rollout.to, "rollout", state, f"{rollout}, {step}: {rollout.share:.3g} of the requests{more}")

    def _event(self, name: str, version: int | None, what: str, state: str, reason: str) -> None:
        self._record(TrafficEvent(name, version, what, state, reason, unix_s(self._clock)))


DONE = "every step held its gates"
