"""An ordinary day of three models, in which things happen that do no harm; and what is to be found in it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.changes.world import Load, World


@dataclass
class Truth:
    """What happened, and when; no kinds: nothing did."""

    kinds: tuple[str, ...] = ()
    at: float = 0.0
    within_s: float = 5.0
    signal: str = "latency"


Scenario = Callable[[World], Truth]


def world(seed: int) -> World:
    """Three models; which loads they have differs from seed to seed."""
    made = World(seed, {"m": Load(), "n": Load(rate=15, compute_ms=20), "o": Load(rate=10, compute_ms=5)})
    random = made.random
    made.noise = float(random.uniform(0.02, 0.08))
    made.hangs_together = float(random.uniform(0.0, 0.7))
    own = made.models["m"]
    own.rate, own.compute_ms, own.spread = random.uniform(6, 45), random.uniform(3, 40), random.uniform(0.05, 0.4)
    own.rows, own.per_row = 2.0, 0.1 * own.compute_ms
    return made


def before(made: World) -> None:
    """A while as usual, in which things happen that do no harm."""
    made.run(int(made.random.integers(20, 60)))
    distract(made)
    made.run(int(made.random.integers(25, 60)))


def after(made: World) -> None:
    made.run(int(made.random.integers(25, 60)))
    distract(made)
    made.run(int(made.random.integers(5, 30)))


def distract(made: World) -> None:
    """What happens on any day."""
    what = int(made.random.integers(0, 6))
    if what == 0:
        release(made)
    elif what == 1:
        made.ready("n", made.models["n"].version + 1)
    elif what == 2:
        slow, made.slow = made.slow, 1.8 * made.slow
        made.run(3)
        made.slow = slow
    elif what == 3:
        made.models["o"].rate *= 1.5
    elif what == 4:
        disk, made.disk = made.disk, 0.2
        made.run(4)
        made.disk = disk


def release(made: World, name: str = "m") -> int:
    """The next version is ready; returns which."""
    version = made.models[name].version + 1
    made.ready(name, version)
    return version


def factor(made: World, low: float = 1.4, high: float = 3.0) -> float:
    return float(made.random.uniform(low, high))
