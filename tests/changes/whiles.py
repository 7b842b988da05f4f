"""Whiles in which nothing happened that anybody would ask about: each runs a world."""

from collections.abc import Mapping

from tests.changes.day import Scenario, Truth, after, before, factor, release
from tests.changes.world import World


def nothing(made: World) -> Truth:
    before(made)
    after(made)
    return Truth()


def harmless_release(made: World) -> Truth:
    before(made)
    made.ready("m", made.models["m"].version + 1, seconds=float(made.random.uniform(0.2, 4)))
    made.models["m"].compute_ms *= float(made.random.uniform(0.9, 1.06))
    after(made)
    return Truth()


def harmless_release_that_warms_up(made: World) -> Truth:
    own = made.models["m"]
    before(made)
    usual = own.compute_ms
    made.ready("m", own.version + 1, seconds=2.0)
    own.compute_ms = 4 * usual
    made.run(2)
    own.compute_ms = usual
    after(made)
    return Truth()


def release_of_another(made: World) -> Truth:
    before(made)
    release(made, "n")
    made.models["n"].compute_ms *= factor(made, 1.0, 1.3)
    after(made)
    return Truth()


def step_of_load(made: World) -> Truth:
    own = made.models["m"]
    before(made)
    own.rate *= factor(made, 1.5, 3.0)
    own.queue_ms *= float(made.random.uniform(1.0, 1.3))
    after(made)
    return Truth()


def step_of_load_that_is_felt(made: World) -> Truth:
    own = made.models["m"]
    before(made)
    own.rate *= factor(made, 1.5, 3.0)
    own.queue_ms += 0.4 * own.compute_ms
    after(made)
    return Truth()


def neighbour_that_harms_nobody(made: World) -> Truth:
    before(made)
    made.models["n"].rate *= 3
    after(made)
    return Truth()


def bursts(made: World) -> Truth:
    before(made)
    for _ in range(4):
        made.slow = factor(made, 1.5, 3.0)
        made.run(int(made.random.integers(1, 5)))
        made.slow = 1.0
        made.run(int(made.random.integers(8, 25)))
    return Truth()


def noise(made: World) -> Truth:
    made.noise, made.hangs_together = 0.15, 0.85
    before(made)
    release(made)
    after(made)
    release(made, "n")
    after(made)
    return Truth()


def few_errors(made: World) -> Truth:
    made.models["m"].server_errors = made.models["m"].client_errors = 0.01
    before(made)
    release(made)
    after(made)
    return Truth()


def faster_release(made: World) -> Truth:
    before(made)
    release(made)
    made.models["m"].compute_ms *= 0.6
    after(made)
    return Truth()


WHILES: Mapping[str, Scenario] = {
    each.__name__: each
    for each in (
        nothing, harmless_release, harmless_release_that_warms_up, release_of_another, step_of_load,
        step_of_load_that_is_felt, neighbour_that_harms_nobody, bursts, noise, few_errors, faster_release,
    )
}  # fmt: skip
