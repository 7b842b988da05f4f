"""Requests that are put together are all there, and count as they do one by one."""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from headrace.alike import Grouping, Lot, StageTimes, lot_of, set_apart
from headrace.costs.costs import Costs
from headrace.objectives.counts import Counts
from headrace.objectives.promises import Promise
from headrace.objectives.states import States
from headrace.observe.slow import Slow
from headrace.observe.tally import Tally
from headrace.records import BatchRecord, BundleRecord, Record, RequestRecord
from headrace.types import BatchFacts, CacheFacts, ModelVersion, VersionState
from tests.fakes import FakeClock
from tests.observe.make import answered, generated, hand_on, moved, ran

STATES: tuple[VersionState, ...] = ("READY", "UNAVAILABLE")
ERRORS = ("", "", "", "", "queue_full", "internal", "invalid_request")


def request(draw: random.Random, finished_ns: int) -> RequestRecord:
    took_ns = draw.randrange(1, 10**8)
    error = draw.choice(ERRORS)
    version = draw.choice((1, 1, 2, None))
    made = answered(draw.choice("mn"), version, draw.randrange(1, 5), took_ns, 400, finished_ns, "http")
    return msgspec.structs.replace(
        made,
        batch=None if error else draw.choice((made.batch, made.batch, None)),
        cache=draw.choice((None, None, CacheFacts(True, 5), CacheFacts(False, 7))),
        protocol=draw.choice(("http", "grpc")),
        error=error,
        tenant=draw.choice(("", "a", "b")),
        trace=draw.choice(("", f"00-{draw.getrandbits(128):032x}-{draw.getrandbits(64):016x}-01")),
    )


def records(draw: random.Random) -> list[Record]:
    """In the order in which they ended."""
    made: list[Record] = [moved(), moved(model="n"), moved(version=2)]
    for number in range(draw.randrange(300)):
        kind = draw.randrange(40)
        if kind == 0:
            made.append(moved(draw.choice(STATES), draw.choice("mn"), draw.choice((1, 2))))
        elif kind < 4:
            made.append(ran(draw.randrange(1, 9), model=draw.choice("mn")))
        else:
            made.append(request(draw, 10**9 + number // 2))
    return made


def shown(of: object) -> Any:
    """All that it keeps, as values that can be compared."""
    if isinstance(of, dict):
        return {key: shown(value) for key, value in of.items()}
    if isinstance(of, str | int | float | tuple | list | None):
        return of
    names = getattr(type(of), "__slots__", None) or vars(of)
    return {name: shown(getattr(of, name)) for name in names}


class Counted:
    """All that counts requests."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.costs = Costs(0.0, FakeClock(), epoch_ns=0)
        promised = {ModelVersion("m", 1): (Promise("availability", 0.9), Promise("p99_ms", 0.99, 50.0))}
        self.counts = Counts(promised.get, (Promise("availability", 0.9),), (300.0,), States())

    def told(self) -> Any:
        """All but which requests are examples, which depends on those that came with them."""
        self.counts.settle(0.0)
        tally, versions = self.tally, shown(self.tally.versions)
        for version in versions.values():
            del version["exemplars"]
        told = tally.strangers, tally.tenants.items(), tally.states
        kept = {key: (each.good, each.bad) for key, each in self.counts.series.items()}
        return versions, told, self.costs.told("tenant")["costs"], self.costs.told("model")["costs"], kept


@pytest.mark.parametrize("seed", range(30))
def test_a_lot_counts_as_its_records_do_one_by_one(seed: int) -> None:
    made = records(random.Random(seed))
    together, apart = Counted(), Counted()
    hand_on(made, together.tally, together.costs, together.counts)
    for record in made:
        hand_on([record], apart.tally, apart.costs, apart.counts)
    assert together.told() == apart.told()


def test_requests_are_in_their_order_and_keep_their_times_and_tenants() -> None:
    first, other, last = answered(took_ns=5), answered("n"), answered(took_ns=7)
    m, n = lot_of([first, other, last]).alike
    assert (m.model, m.version, m.protocol, m.error, n.model) == ("m", 1, "http", "", "n")
    assert (list(m.requests), list(m.took_ns), m.tenants) == ([first, last], [5, 7], {"": 2})


def test_those_that_have_a_trace_are_told() -> None:
    traced = msgspec.structs.replace(answered(), trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    (group,) = lot_of([answered(), traced]).alike
    assert group.traced == [traced]


def test_runs_are_put_together_by_their_version_and_generations_are_there() -> None:
    lot = lot_of([ran(1), ran(2, model="n"), generated(), ran(3)])
    assert [(runs.model.name, [run.facts.rows for run in runs.records]) for runs in lot.runs] == [
        ("m", [1, 3]),
        ("n", [2]),
    ]
    assert lot.generations == [generated()]


@pytest.mark.parametrize("seed", range(10))
def test_what_is_told_of_runs_is_what_they_say_together(seed: int) -> None:
    draw = random.Random(seed)
    made = [run_of(draw) for _ in range(draw.randrange(1, 60))]
    (runs,) = lot_of(made).runs
    well = [run for run in made if not run.error]
    facts = [run.facts for run in made]
    assert (runs.rows, runs.reasons) == ([run.rows for run in facts], Counter(run.reason for run in facts))
    assert runs.took_ns == [_took_ns(run) for run in facts]
    assert runs.missed == sum(0 < run.predicted_ns < _took_ns(run.facts) for run in well)
    assert runs.variants.total() == sum(run.facts.requests for run in well if run.facts.variant)
    assert runs.charged.total() == sum(run.device_ns for run in facts)
    for rows in range(1, 5):
        several = [run.facts for run in well if run.facts.rows == rows]
        times = runs.stages.get(rows, StageTimes())
        assert (times.count, times.infer_ns) == (len(several), sum(run.infer_ns for run in several))
        assert times.input_ns + times.output_ns == sum(run.input_ns + run.output_ns for run in several)


def run_of(draw: random.Random) -> BatchRecord:
    rows, device_ns = draw.randrange(1, 5), draw.randrange(10**6)
    laid_out_ns, computed_ns, told_ns = (draw.randrange(10**6) for _ in range(3))
    reason, variant = draw.choice(("idle", "full")), draw.choice(("", "int8"))
    facts = BatchFacts(rows, rows, reason, 0, 0, laid_out_ns, computed_ns, told_ns, variant, device_ns)
    shares = [("a", "serve", 2), ("b", "retried", 3)][: draw.randrange(1, 3)]
    error = draw.choice(("", "", "internal"))
    return BatchRecord(ModelVersion("m", 1), facts, error, draw.choice((0, 10**6, 2 * 10**6)), tuple(shares))


def _took_ns(run: BatchFacts) -> int:
    return run.input_ns + run.infer_ns + run.output_ns


def bundled(draw: random.Random, finished_ns: int) -> BundleRecord:
    """Requests that were asked as one: nobody traced them."""
    made = request(draw, finished_ns)
    first = msgspec.structs.replace(
        made, error="", trace="", cache=None, batch=answered(rows=made.rows).batch, version=1
    )
    number = draw.randrange(1, 6)
    arrived = [first.arrived_ns + 10 * place for place in range(number)]
    return BundleRecord(first, [f"{finished_ns}-{place}" for place in range(number)], arrived)


def with_some_bundled(draw: random.Random) -> list[Record]:
    made: list[Record] = []
    for record in records(draw):
        made.append(record)
        if draw.randrange(3) == 0:
            made.append(bundled(draw, 10**9 + len(made)))
    return made


@pytest.mark.parametrize("seed", range(30))
def test_what_comes_in_pieces_is_put_together_as_if_it_had_come_at_once(seed: int) -> None:
    draw = random.Random(seed)
    made, grouping, begin = with_some_bundled(draw), Grouping(), 0
    while begin < len(made):
        end = begin + draw.randrange(1, 40)
        grouping.add(made[begin:end])
        begin = end
    assert told(grouping.lot) == told(lot_of(made))


def told(lot: Lot) -> Any:
    """All that a lot says; how long requests waited in any order."""
    alike = [msgspec.structs.asdict(group) for group in lot.alike]
    for group in alike:
        waited_ns, requests = Counter(group["waited_ns"]), list(group["requests"])
        group |= {"waited_ns": waited_ns, "requests": requests}
    return [*lot.requests], alike, lot.runs, lot.generations


@pytest.mark.parametrize("seed", range(30))
def test_requests_that_were_asked_as_one_count_as_they_would_have_alone(seed: int) -> None:
    draw = random.Random(seed)
    with_bundles = with_some_bundled(draw)
    alone: list[Record] = []
    for record in with_bundles:
        alone += map(record.request, range(len(record.ids))) if isinstance(record, BundleRecord) else [record]
    together, apart = Counted(), Counted()
    hand_on(with_bundles, together.tally, together.costs, together.counts)
    hand_on(alone, apart.tally, apart.costs, apart.counts)
    assert together.told() == apart.told()
    mine, theirs = lot_of(with_bundles), lot_of(alone)
    assert list(mine.requests) == list(theirs.requests)
    assert [(each.took_ns, [*each.requests]) for each in mine.alike] == [
        (each.took_ns, [*each.requests]) for each in theirs.alike
    ]


def test_the_slow_ones_of_a_bundle_are_told_from_the_others() -> None:
    long = answered(took_ns=9)
    lot = lot_of([answered(took_ns=5), BundleRecord(long, ["a", "b"], [long.arrived_ns] * 2)])
    slow = Slow(6 / 1e6).which(lot.alike)
    assert [id(each) in slow for each in lot.requests] == [False, True, True]


@pytest.mark.parametrize("seed", range(20))
def test_those_that_failed_or_were_slow_are_set_apart(seed: int) -> None:
    draw = random.Random(seed)
    lot = lot_of(with_some_bundled(draw))
    slow = {id(lot.requests[place]) for place in range(len(lot.requests)) if draw.randrange(4) == 0}
    notable, others = set_apart(lot, slow)
    assert notable == [place for place, each in enumerate(lot.requests) if each.error or id(each) in slow]
    assert sorted([*notable, *others]) == list(range(len(lot.requests)))


def test_where_none_failed_or_was_slow_all_are_others() -> None:
    lot = lot_of([answered(), answered()])
    assert set_apart(lot, set()) == ([], range(2))
