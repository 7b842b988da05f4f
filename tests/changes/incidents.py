"""Incidents with a cause that is known: each runs a world, and says what is to be found."""

from collections.abc import Mapping

from headrace.changes.entries import Entry
from tests.changes.day import Scenario, Truth, after, before, factor, release
from tests.changes.world import World


def slow_release(made: World) -> Truth:
    before(made)
    at = made.now_s
    release(made)
    made.models["m"].compute_ms *= factor(made)
    after(made)
    return Truth(("release",), at)


def slow_canary(made: World) -> Truth:
    own = made.models["m"]
    before(made)
    version = release(made)
    own.version = version - 1
    made.run(20)
    at = made.now_s
    own.canary, own.share, own.canary_factor = version, float(made.random.uniform(0.3, 0.5)), factor(made, 2.0, 4.0)
    made.traffic_event("m", version, "rollout", "step")
    after(made)
    return Truth(("release",), at)


def failing_release(made: World) -> Truth:
    before(made)
    at = made.now_s
    release(made)
    made.models["m"].server_errors = float(made.random.uniform(0.05, 0.4))
    after(made)
    return Truth(("release",), at, signal="errors")


def release_that_answers_otherwise(made: World) -> Truth:
    before(made)
    at = made.now_s
    release(made)
    window = int(made.random.integers(10, 30))
    made.run(window)
    made.drift("m", "outputs", ["Y[0]", "Y.entropy"], window)
    after(made)
    return Truth(("release",), at, float(window) + 5, "outputs")


def other_inputs(made: World) -> Truth:
    before(made)
    at = made.now_s
    window = int(made.random.integers(10, 30))
    made.run(window)
    made.drift("m", "inputs", ["X[0]", "X[3]"], window)
    made.drift("m", "outputs", ["Y[0]"], window)
    after(made)
    return Truth(("inputs",), at, float(window) + 5, "inputs")


def other_inputs_that_take_longer(made: World) -> Truth:
    before(made)
    at = made.now_s
    made.models["m"].compute_ms *= factor(made)
    window = int(made.random.integers(8, 20))
    made.run(window)
    made.drift("m", "inputs", ["X.length"], window)
    after(made)
    return Truth(("inputs",), at, 5)


def other_schema(made: World) -> Truth:
    before(made)
    at = made.now_s
    made.models["m"].client_errors = float(made.random.uniform(0.05, 0.6))
    after(made)
    return Truth(("schema",), at, signal="errors")


def noisy_neighbour(made: World) -> Truth:
    before(made)
    at = made.now_s
    made.models["n"].rate *= factor(made, 2.5, 4.0)
    slower = factor(made, 1.4, 2.5)
    made.models["m"].queue_ms += (slower - 1) * made.models["m"].compute_ms
    made.models["m"].compute_ms *= 1.1
    after(made)
    return Truth(("neighbour",), at)


def new_neighbour(made: World) -> Truth:
    made.models["n"].rate = 0
    before(made)
    at = made.now_s
    made.models["n"].rate = 30
    slower = factor(made, 1.4, 2.5)
    for name in ("m", "o"):
        made.models[name].compute_ms *= slower
    after(made)
    return Truth(("neighbour",), at)


def heavier_neighbour(made: World) -> Truth:
    before(made)
    at = made.now_s
    release(made, "n")
    made.models["n"].compute_ms *= 2.5
    slower = factor(made, 1.4, 2.2)
    for name in ("m", "o"):
        made.models[name].compute_ms *= slower
    after(made)
    return Truth(("neighbour",), at)


def other_process(made: World) -> Truth:
    before(made)
    at = made.now_s
    made.slow = factor(made, 1.4, 2.5)
    made.cores_of_others = float(made.random.uniform(0.8, 2.0))
    after(made)
    return Truth(("system",), at)


def slow_disk(made: World) -> Truth:
    before(made)
    at = made.now_s
    made.slow = factor(made, 1.4, 2.5)
    made.disk = float(made.random.uniform(0.3, 0.9))
    after(made)
    return Truth(("system",), at)


def unseen_process(made: World) -> Truth:
    """Outside what this machine's counters tell: every model suffers."""
    before(made)
    at = made.now_s
    made.slow = factor(made, 1.5, 2.5)
    after(made)
    return Truth(("system",), at)


def more_rows(made: World) -> Truth:
    own = made.models["m"]
    own.per_row = 0.3 * own.compute_ms
    before(made)
    at = made.now_s
    own.rows = float(made.random.uniform(6, 12))
    after(made)
    return Truth(("traffic",), at)


def another_tenant(made: World) -> Truth:
    own = made.models["m"]
    own.tenant_factor = {"b": factor(made, 2.0, 3.0)}
    before(made)
    at = made.now_s
    own.tenants = {"a": 0.1, "b": 0.9}
    after(made)
    return Truth(("traffic",), at)


def longer_prompts(made: World) -> Truth:
    own = made.models["m"]
    own.prompt = 200.0
    before(made)
    at = made.now_s
    longer = factor(made, 2.0, 4.0)
    own.prompt *= longer
    own.compute_ms *= 1 + 0.6 * (longer - 1)
    after(made)
    return Truth(("traffic",), at)


def upstream_notice(made: World) -> Truth:
    before(made)
    at = made.now_s
    made.models["m"].compute_ms *= factor(made, 1.4, 2.0)
    made.run(10)
    _notice(made, at - float(made.random.uniform(0, 20)))
    after(made)
    return Truth(("upstream",), at)


def upstream_inputs(made: World) -> Truth:
    before(made)
    at = made.now_s
    _notice(made, at - float(made.random.uniform(0, 20)))
    window = int(made.random.integers(10, 30))
    made.run(window)
    made.drift("m", "inputs", ["X[0]"], window)
    after(made)
    return Truth(("upstream",), at, float(window) + 5, "inputs")


def _notice(made: World, at: float) -> None:
    made.changes.log.add(Entry(0, "upstream", "", "", at, "ops", "the feature store was migrated"))


def other_settings(made: World) -> Truth:
    """A restart: for some seconds nothing is answered."""
    before(made)
    loads = {name: load.rate for name, load in made.models.items()}
    for load in made.models.values():
        load.rate = 0
    made.run(4)
    at = made.now_s
    text = "the server started with batching.max_size 64 -> 1"
    made.changes.log.add(Entry(0, "config", "", "", at, "the server's start", text))
    for name, load in made.models.items():
        load.rate = loads[name]
        made.ready(name, load.version, seconds=0.5, cause="wanted at the start")
    made.models["m"].compute_ms *= factor(made, 1.5, 2.5)
    after(made)
    return Truth(("config",), at)


def too_much(made: World) -> Truth:
    own = made.models["m"]
    own.rate = float(made.random.uniform(10, 20))
    before(made)
    at = made.now_s
    own.rate *= 5
    own.queue_ms = 6 * own.compute_ms
    after(made)
    return Truth(("traffic",), at)


def release_and_neighbour(made: World) -> Truth:
    own = made.models["m"]
    before(made)
    at = made.now_s
    release(made)
    own.compute_ms *= 2
    made.models["n"].rate *= 3.5
    own.queue_ms += 0.7 * own.compute_ms
    after(made)
    return Truth(("release", "neighbour"), at)


def release_and_inputs(made: World) -> Truth:
    before(made)
    at = made.now_s
    release(made)
    window = int(made.random.integers(10, 20))
    made.run(window)
    made.drift("m", "inputs", ["X[1]"], window)
    made.drift("m", "outputs", ["Y[0]"], window)
    after(made)
    return Truth(("release", "inputs"), at, float(window) + 5, "outputs")


INCIDENTS: Mapping[str, Scenario] = {
    each.__name__: each
    for each in (
        slow_release, slow_canary, failing_release, release_that_answers_otherwise, other_inputs,
        other_inputs_that_take_longer, other_schema, noisy_neighbour, new_neighbour, heavier_neighbour,
        other_process, slow_disk, unseen_process, more_rows, another_tenant, longer_prompts, upstream_notice,
        upstream_inputs, other_settings, too_much, release_and_neighbour, release_and_inputs,
    )
}  # fmt: skip
