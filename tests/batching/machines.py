"""Machines that take as long as one says: what predictions of latency are tried on."""

from collections.abc import Callable
from random import Random

ROWS = (1, 1, 1, 2, 3, 4, 7, 8, 16)


def took_ns(rows: float, length: float) -> float:
    """A small encoder: dispatch, rows, tokens, attention."""
    return 400_000 + 50_000 * rows + 20_000 * rows * length + 20 * rows * length * length


class Machine:
    """Runs of random sizes, each as long as `took_ns` says times `noise`, which may be any distribution around 1."""

    def __init__(self, noise: Callable[[Random], float] = lambda random: 1.0, seed: int = 1) -> None:
        self.random = Random(seed)
        self.noise = noise
        self.speed = 1.0  # how many times as long everything takes

    def size(self) -> tuple[int, int]:
        return self.random.choice(ROWS), min(max(5, int(self.random.lognormvariate(3.18, 0.8))), 256)

    def run(self, rows: int, length: int) -> float:
        return took_ns(rows, length) * self.speed * self.noise(self.random)


def steady(random: Random) -> float:
    return random.lognormvariate(0.0, 0.05)


def noisy(random: Random) -> float:
    return random.lognormvariate(0.0, 0.2)


def interrupted(random: Random) -> float:
    """Now and then another program takes the machine."""
    return steady(random) * (random.uniform(2.0, 10.0) if random.random() < 0.004 else 1.0)


def two_speeds(random: Random) -> float:
    return steady(random) * random.choice((1.0, 1.3))


NOISES = (steady, noisy, interrupted, two_speeds)
