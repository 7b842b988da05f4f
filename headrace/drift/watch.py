"""Listens to what requests held, and has each model's drift told: on the event loop, a little at a time."""

import asyncio
import logging
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from headrace.alike import Lot
from headrace.clock import Clock
from headrace.drift.feedback import Feedback, Judged
from headrace.drift.model_drift import Aside, ModelDrift, Watched
from headrace.drift.pages import Pages
from headrace.drift.portion import Looked
from headrace.drift.predictions import Prediction
from headrace.drift.sampling import Sampling
from headrace.drift.service import SERVICE, Service
from headrace.drift.side import Change
from headrace.drift.view import tell
from headrace.drift.waiting import Waiting
from headrace.errors import VersionNotFound
from headrace.lasting import lasting
from headrace.observe_settings import Drift
from headrace.records import DriftEvent, ModelEvent, Record, Recorder, RequestRecord, SampleRecord
from headrace.types import ModelVersion

log = logging.getLogger(__name__)

ROUND_S = 0.25
"""Between two rounds of looking at what came, where there is enough for one or somebody waits for it."""

SELDOM_S = 1.0
"""And where there is not: what costs is to begin, more than how many requests are looked at."""

REST = 10.0
"""Times as long as it looked without a pause others have their turn: a server that has much to do needs so long to
catch up. Nobody rests while somebody waits for what is found."""

SERVED = 256
"""Requests of one round whose times are looked at; of more, evenly half as many to as many."""

SERVED_TOGETHER = 64
"""Of those, that are looked at without a pause."""

VERSIONS = 1000
"""Whose times are remembered; those that were asked longest ago are forgotten first."""

Describe = Callable[[ModelVersion], Watched | None]
"""What a version is, and how it is to be watched; None where it is gone."""


class DriftWatch:
    """Everything of drift that a server has; whoever starts it closes it."""

    def __init__(
        self, settings: Drift, record: Recorder, clock: Clock, epoch_ns: int, folder: Path | None = None
    ) -> None:
        """`epoch_ns` is the Unix time at which the clock was zero; what is usual is kept in `folder`."""
        self.sampling = Sampling(settings.max_per_s)
        self.feedback = Feedback(epoch_ns)
        self.describe: Describe = lambda version: None  # set before it is started
        self._settings = settings
        self._record = record
        self._clock = clock
        self._epoch_ns = epoch_ns
        self._folder = folder
        self._models: dict[str, ModelDrift] = {}
        self._services: OrderedDict[ModelVersion, Service] = OrderedDict()
        self._served: list[tuple[Sequence[RequestRecord], int]] = []  # each by its place
        self._one_in = 1  # so many requests is one of those
        self._passed_over = 0  # requests, until the next is
        self._waiting = Waiting()
        self._gone: deque[ModelVersion] = deque()
        self._pages = Pages()
        self._round_ns = clock.now_ns()
        self._looked: Counter[str] = Counter()  # requests of each model, since the last round
        self._spent_s: defaultdict[str, float] = defaultdict(float)  # processor time that they took
        self._looking_at = ""  # the model that is looked at
        self._judging = 0  # who waits for a round to end
        self._task: asyncio.Task[None] | None = None
        self._round_ended: asyncio.Future[None] | None = None  # of the round that is under way, or comes next

    def __call__(self, records: Sequence[Record]) -> None:
        """Take what requests held, and what became of versions; it is looked at later."""
        for record in records:
            if isinstance(record, SampleRecord):
                self.sampling.too_many += not self._waiting.add(record)
            elif isinstance(record, ModelEvent) and record.state == "READY":
                self.sampling.off.discard(record.model)  # what it says of drift may be new
            elif isinstance(record, ModelEvent) and record.state == "UNAVAILABLE" and record.version is not None:
                self._gone.append(ModelVersion(record.model, record.version))

    def served(self, lot: Lot) -> None:
        """Take how long requests took and whether they failed, of some where there are many."""
        places = range(self._passed_over, len(lot.requests), self._one_in)
        self._passed_over += len(places) * self._one_in - len(lot.requests)
        self._served += [(lot.requests, place) for place in places]
        while len(self._served) > SERVED:
            del self._served[1::2]
            self._one_in *= 2

    def dropped(self) -> dict[str, int]:
        """Requests that were not looked at, by why."""
        return self.sampling.dropped()

    def lines(self) -> Iterator[str]:
        """What Prometheus reads."""
        versions = {
            (name, version): drift
            for name, model in sorted(self._models.items())
            for version, drift in sorted(model.versions.items())
        }
        services = {(of.name, of.version): service for of, service in sorted(self._services.items(), key=_by_name)}
        return self._pages.lines(versions, services)

    def tell(self, name: str, version: int | None = None) -> dict[str, Any]:
        """What is known of a model's drift. Raises NotFound for a version that is not there."""
        model = self._models.get(name) or ModelDrift(name, self._settings, self._epoch_ns)
        if version is not None and version not in model.versions:
            raise _unseen(name, version)
        services = {of.version: service for of, service in self._services.items() if of.name == name}
        told = tell(model, self.feedback, services, version)
        told["one_in"] = self.sampling.every(name)
        return told

    def forget(self, name: str, version: int | None = None) -> None:
        """Have what is usual seen anew: a change that is meant to stay is none any more.

        Raises NotFound for a version that is not there.
        """
        model = self._models.get(name)
        if version is not None and (model is None or version not in model.versions):
            raise _unseen(name, version)
        if model is not None:
            for ended in model.forget(self._clock.now_ns(), version):
                self._record(ended)

    async def judge(self, request_id: str, labels: Sequence[Prediction]) -> Judged:
        """Count what was right of an answer. Raises NotFound and InvalidRequest, see `Feedback`."""
        if request_id not in self.feedback:
            await self._rounds(2)  # what was answered just now is known a round later
        return self.feedback.judge(request_id, labels)

    def start(self) -> None:
        """Begin to look at what comes."""
        self._round_ended = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._round_ended is not None:
            self._round_ended.cancel()
            self._round_ended = None

    def look(self) -> Iterator[Aside | None]:
        """Look at what waits. Each step takes about a quarter of a millisecond, and there may be a pause after it; what
        it yields has to be done before it goes on, and takes longer."""
        now_ns = self._clock.now_ns()
        looked = {name: Looked(self._looked[name], spent_s) for name, spent_s in self._spent_s.items()}
        self.sampling.round((now_ns - self._round_ns) / 1e9, looked)
        self._round_ns = now_ns
        self._looked.clear()
        self._spent_s.clear()
        self._looking_at = ""
        yield from self._serve()
        for lot in self._waiting.lots():  # what comes meanwhile is of the next round, which follows what this one took
            model = lot[0].model
            self._looking_at = model.name
            self._looked[model.name] += len(lot)
            yield from self._with_care(model, self._look(model, lot))
            yield None
        while self._gone:
            gone = self._gone.popleft()
            self._services.pop(gone, None)
            drift = self._models.get(gone.name)
            if drift is None or not drift.versions.keys() - {gone.version}:
                self.sampling.forget(gone.name)
            yield from self._with_care(gone, self._leave(gone, now_ns))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(ROUND_S)
            if not self._is_due():
                continue
            with lasting("a round of looking for drift"):
                await self._look_once()
            if self._round_ended is not None:
                self._round_ended.set_result(None)
                self._round_ended = asyncio.get_running_loop().create_future()

    async def _rounds(self, number: int) -> None:
        """Wait until so many rounds have ended, which come soon."""
        self._judging += 1
        try:
            for _ in range(number):
                if self._round_ended is not None:
                    await asyncio.wait({self._round_ended}, timeout=1)
        finally:
            self._judging -= 1

    def _is_due(self) -> bool:
        rested_s = (self._clock.now_ns() - self._round_ns) / 1e9
        return self._waiting.are_many or rested_s >= SELDOM_S or bool(self._gone or self._judging)

    async def _look_once(self) -> None:
        """Look at what waits, others having their turn in between; what that takes of a processor is counted."""
        steps = self.look()
        while True:
            began_s = time.thread_time()
            aside = next(steps, _DONE)
            took_s = time.thread_time() - began_s
            self._spent_s[self._looking_at] += took_s
            if aside is _DONE:
                return
            if aside is None:
                await asyncio.sleep(0.0 if self._judging else REST * took_s)
            else:
                self._spent_s[self._looking_at] += await asyncio.to_thread(_timed, aside)

    def _with_care(self, version: ModelVersion, steps: Iterator[Aside | None]) -> Iterator[Aside | None]:
        """A fault in them ends the watch of that model alone."""
        try:
            yield from steps
        except Exception:
            log.exception("requests of %s cannot be looked at for drift; it is watched no more", version)
            self.sampling.off.add(version.name)
            self._models.pop(version.name, None)

    def _leave(self, gone: ModelVersion, now_ns: int) -> Iterator[None]:
        if (of := self._models.get(gone.name)) is not None:
            for ended in of.unloaded(gone.version, now_ns):
                if ended is not None:
                    self._record(ended)
                yield None

    def _look(self, version: ModelVersion, lot: Sequence[SampleRecord]) -> Iterator[Aside | None]:
        watched = self.describe(version)
        if watched is None or watched.choices.enabled is False:
            if watched is not None:
                self.sampling.off.add(version.name)
            return
        self.sampling.batched[version.name] = watched.signature.batch.batched
        model = self._models.get(version.name)
        if model is None:
            model = self._models[version.name] = ModelDrift(version.name, self._settings, self._epoch_ns, self._folder)
        for told in model.add(version.version, watched, lot, self.feedback):
            if isinstance(told, DriftEvent):
                self._record(told)
                yield None
            else:
                yield told

    def _serve(self) -> Iterator[None]:
        """Look at how long requests took."""
        served, self._served = self._served, []
        self._one_in, self._passed_over = 1, 0
        by_version: dict[ModelVersion, list[RequestRecord]] = {}
        for requests, place in served:
            record = requests[place]
            if record.version is not None and record.model not in self.sampling.off:
                by_version.setdefault(ModelVersion(record.model, record.version), []).append(record)
        if by_version:
            yield
        for version, mine in by_version.items():
            service = self._services.get(version)
            if service is None:
                if self.describe(version) is None:  # a name that a client made up
                    continue
                service = self._services[version] = Service(self._settings.window)
                if len(self._services) > VERSIONS:
                    self._services.popitem(last=False)
            for begin in range(0, len(mine), SERVED_TOGETHER):
                for change in service.add(mine[begin : begin + SERVED_TOGETHER]):
                    self._record(self._event(version, change))
                yield

    def _event(self, version: ModelVersion, change: Change) -> DriftEvent:
        score = change.crossing.score
        began_s, ended_s = ((self._epoch_ns + each) / 1e9 for each in (change.began_ns, change.ended_ns))
        state = "alarm" if change.begins else "quiet"
        return DriftEvent(
            version, score.feature, SERVICE, state, "reference", score.test, change.crossing.ratio, began_s, ended_s
        )


def _unseen(name: str, version: int) -> VersionNotFound:
    return VersionNotFound(f"nothing is known yet of version {version} of {name}: no request of it was looked at")


def _by_name(item: tuple[ModelVersion, Service]) -> tuple[str, int]:
    return item[0].name, item[0].version


def _done() -> None:
    """Stands for the end of what there is to look at."""


_DONE: Aside = _done


def _timed(aside: Aside) -> float:
    """The processor time that it took."""
    began_s = time.thread_time()
    aside()
    return time.thread_time() - began_s
