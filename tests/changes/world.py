"""A server's records as they would come, by a fake clock: models with loads of their own on a machine that is noisy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from headrace.changes.changes import Changes
from headrace.changes.noticing import Led
from headrace.changes.slots import Machine
from headrace.generation import Times, Usage
from headrace.records import (
    BatchRecord,
    DriftEvent,
    GenerationRecord,
    ModelEvent,
    Record,
    RequestRecord,
    TrafficEvent,
)
from headrace.types import BatchFacts, ModelVersion
from tests.fakes import FakeClock
from tests.observe.make import hand_on

EPOCH_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000


@dataclass
class Load:
    """How one model is asked and answers, as it is now."""

    rate: float = 25.0  # requests a second
    compute_ms: float = 10.0
    queue_ms: float = 1.0
    spread: float = 0.15  # of a run's time, as a logarithm
    rows: float = 1.0  # on average
    per_row: float = 0.0  # more time for each further row
    server_errors: float = 0.0
    client_errors: float = 0.0
    version: int = 1
    canary: int = 0  # answers `share` of the requests, in `canary_factor` the time
    share: float = 0.0
    canary_factor: float = 1.0
    tenants: dict[str, float] = field(default_factory=lambda: {"a": 0.7, "b": 0.3})
    tenant_factor: dict[str, float] = field(default_factory=dict)
    prompt: float = 0.0  # tokens; of a language model


class World:
    """Feeds `changes` second by second. `slow` is what the machine does to every model's runs."""

    def __init__(self, seed: int, models: dict[str, Load]) -> None:
        self.random = np.random.default_rng(seed)
        self.clock = FakeClock()
        self.changes = Changes(self.clock, EPOCH_NS, {"batching.max_size": "64"})
        self.changes.follow(self.leads)
        self.models = models
        self.slow = 1.0
        self.cores_of_others = 0.1
        self.disk = 0.01
        self.noise = 0.05  # of the machine, from second to second
        self.hangs_together = 0.5
        self._wander = 0.0
        self._sent: list[Record] = []
        for name, load in models.items():
            self.ready(name, load.version, seconds=1.0, cause="wanted at the start")

    @property
    def now_s(self) -> float:
        return self.changes.now_s()

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self._second()

    def ready(self, name: str, version: int, seconds: float = 0.5, cause: str = "its files changed") -> None:
        """The version answers from now on."""
        self.models[name].version = version
        self._sent.append(ModelEvent(name, version, "READY", "", self.now_s, seconds, cause))

    def leads(self) -> dict[str, Led]:
        return {name: Led(load.version) for name, load in self.models.items()}

    def drift(self, name: str, side: str, features: Sequence[str], window_s: float, ratio: float = 4.0) -> None:
        version = ModelVersion(name, self.models[name].version)
        for feature in features:
            self._sent.append(
                DriftEvent(
                    version, feature, side, "alarm", "reference", "psi", ratio, self.now_s - window_s, self.now_s
                )
            )

    def traffic_event(self, name: str, version: int, what: str, state: str) -> None:
        self._sent.append(TrafficEvent(name, version, what, state, "asked for", self.now_s))

    def _second(self) -> None:
        random, hangs = self.random, self.hangs_together
        self._wander = hangs * self._wander + random.normal(0, self.noise) * np.sqrt(1 - hangs**2)
        begin_ns = self.clock.now_ns()
        for name, load in self.models.items():
            self._requests(name, load, begin_ns)
        hand_on(self._sent, self.changes.series)
        self.changes.events(self._sent)
        self.changes.noticing.look(self.leads())
        self._sent = []
        self.clock.pass_ms(1000)
        row = np.zeros(len(Machine), np.float32)
        row[Machine.OTHERS] = max(0.0, self.cores_of_others + random.normal(0, 0.05))
        row[Machine.DISK] = max(0.0, self.disk + random.normal(0, 0.005))
        self.changes.series.add_machine((begin_ns + EPOCH_NS) // SECOND_NS, row)

    def _requests(self, name: str, load: Load, begin_ns: int) -> None:
        random = self.random
        count = int(random.poisson(load.rate))
        if not count:
            return
        names = list(load.tenants)
        whose = random.choice(len(names), count, p=np.array(list(load.tenants.values())))
        rows = 1 + random.poisson(max(0.0, load.rows - 1), count)
        factor = np.exp(random.normal(self._wander, load.spread, count)) * self.slow
        compute = (load.compute_ms + load.per_row * (rows - 1)) * factor
        compute *= np.array([load.tenant_factor.get(each, 1.0) for each in names])[whose]
        canary = random.random(count) < load.share
        compute[canary] *= load.canary_factor
        queue = random.exponential(load.queue_ms, count) * self.slow
        fate, when = random.random(count), np.sort(random.integers(0, SECOND_NS, count))
        for place in range(count):
            finished = begin_ns + int(when[place])
            version = ModelVersion(name, load.canary if canary[place] else load.version)
            run_ns, wait_ns = int(compute[place] * 1e6), int(queue[place] * 1e6)
            error = ""
            if fate[place] < load.server_errors:
                error = "internal"
            elif fate[place] < load.server_errors + load.client_errors:
                error = "invalid_request"
            self._answer(version, finished, run_ns, wait_ns, int(rows[place]), names[whose[place]], error)
            if load.prompt and not error:
                self._generation(version, finished, max(1, int(random.lognormal(np.log(load.prompt), 0.3))))

    def _answer(
        self, version: ModelVersion, finished: int, run_ns: int, wait_ns: int, rows: int, tenant: str, error: str
    ) -> None:
        arrived = finished - run_ns - wait_ns - 200_000
        facts = None if error else BatchFacts(rows, 1, "idle", 0, finished - run_ns, 0, run_ns, 0)
        self._sent.append(
            RequestRecord(
                "",
                version.name,
                version.version,
                "http",
                rows,
                arrived,
                arrived + 50_000,
                finished,
                facts,
                error,
                "",
                tenant,
            )
        )
        if facts:
            self._sent.append(BatchRecord(version, facts))

    def _generation(self, version: ModelVersion, finished: int, prompt: int) -> None:
        usage = Usage(prompt, 20)
        self._sent.append(GenerationRecord(version, 1, 20, usage, Times(), ("stop",), finished, finished))


Scene = Callable[[World], None]
