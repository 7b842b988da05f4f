"""What records say is counted once, under the version that they belong to."""

import msgspec
import pytest

from headrace.observe.tally import Tally, VersionTally
from headrace.records import CancelRecord, MirrorRecord, Record, ShedRecord, TrafficEvent
from headrace.types import ModelVersion
from tests.observe.make import MS, answered, failed, generated, hand_on, moved, ran, stepped, worker


def tally_of(*records: Record) -> Tally:
    tally = Tally()
    hand_on(records, tally)
    return tally


def counts(tally: Tally, model: str = "m", version: int = 1) -> VersionTally:
    return tally.versions[model, version]


def test_a_request_that_succeeds_is_counted_with_its_times() -> None:
    version = counts(tally_of(moved(), answered(rows=4, took_ns=1_000, waited_ns=400)))
    assert (version.success.count, version.success.ns, version.rows) == (1, 1_000, 4)
    assert (version.queue.count, version.queue.ns) == (1, 400)
    assert version.outcomes == {("http", ""): 1}


def test_each_request_of_a_batch_counts_the_whole_run() -> None:
    version = counts(tally_of(moved(), answered(), answered(), ran(rows=2)))
    stages = version.stages
    assert [(stage.count, stage.ns) for stage in (stages.input, stages.infer, stages.output)] == [
        (2, 20),
        (2, 40),
        (2, 60),
    ]


def test_a_request_that_fails_is_in_no_duration() -> None:
    version = counts(tally_of(moved(), failed("queue_full")))
    assert (version.fail.count, version.fail.ns, version.success.count, version.rows) == (1, 500, 0, 0)
    assert version.request_ns.cumulative()[-1] == version.queue_ns.cumulative()[-1] == 0
    assert version.outcomes == {("http", "queue_full"): 1}


def test_a_batch_is_counted_by_its_rows_and_its_reason() -> None:
    version = counts(tally_of(moved(), ran(rows=8, reason="size"), ran(rows=8), ran(rows=1)))
    assert version.runs == 3
    assert version.closed == {"size": 1, "idle": 2}
    assert {rows: stages.infer.count for rows, stages in version.stages_by_rows.items()} == {8: 2, 1: 1}
    assert version.batch_rows.total == 17
    assert version.compute_ns.total == 3 * 60


def test_a_batch_that_fails_is_no_execution() -> None:
    version = counts(tally_of(moved(), ran(error="worker_lost")))
    assert (version.runs, dict(version.stages_by_rows), version.closed["idle"]) == (0, {}, 1)


@pytest.mark.parametrize(
    ("predicted_ns", "error", "missed"), [(59, "", 1), (60, "", 0), (0, "", 0), (59, "internal", 0)]
)
def test_a_run_that_takes_longer_than_predicted_is_a_miss(predicted_ns: int, error: str, missed: int) -> None:
    record = msgspec.structs.replace(ran(error=error), predicted_ns=predicted_ns)
    assert counts(tally_of(moved(), record)).missed == missed


def test_what_is_shed_is_counted_by_tenant_and_reason() -> None:
    shed = [ShedRecord(ModelVersion("m", 1), tenant, "late") for tenant in ("alice", "bob", "alice")]
    assert counts(tally_of(moved(), *shed)).shed.items() == [(("alice", "late"), 2), (("bob", "late"), 1)]


def test_what_is_withdrawn_is_counted_by_stage_with_what_it_saved() -> None:
    withdrawn = [CancelRecord(ModelVersion("m", 1), stage, 5) for stage in ("queued", "running", "queued")]
    version = counts(tally_of(moved(), *withdrawn))
    assert (version.cancelled, version.saved_ns) == ({"queued": 2, "running": 1}, 15)


def test_what_is_shed_of_a_version_that_is_gone_is_not_counted() -> None:
    assert not tally_of(ShedRecord(ModelVersion("m", 1), "alice", "late")).versions


def test_the_latest_answer_is_kept_though_records_come_out_of_order() -> None:
    version = counts(
        tally_of(moved(), answered(finished_ns=9_000_000), answered(finished_ns=5_000_000, protocol="grpc"))
    )
    assert version.last_finished_ns == 9_000_000


def test_versions_are_counted_apart() -> None:
    tally = tally_of(moved(), moved(version=2), answered(), answered(version=2), answered(version=2))
    assert (counts(tally).success.count, counts(tally, version=2).success.count) == (1, 2)


def test_a_million_unknown_names_take_no_room() -> None:
    tally = tally_of(*(failed("model_not_found", model=f"name{n}", version=None) for n in range(1000)))
    assert tally.strangers == {("http", "model_not_found"): 1000}
    assert not tally.versions


def test_a_version_that_is_not_loaded_takes_no_room() -> None:
    tally = tally_of(moved(), failed("version_not_found", version=7))
    assert list(tally.versions) == [("m", 1)]
    assert tally.strangers == {("http", "version_not_found"): 1}


def test_a_batch_of_an_unloaded_version_is_left_out() -> None:
    assert not tally_of(ran()).versions


def test_a_reload_starts_from_zero() -> None:
    version = counts(tally_of(moved(), answered(), moved(seconds=2.5)))
    assert (version.success.count, version.load_seconds) == (0, 2.5)


def test_what_came_before_a_reload_in_the_same_lot_is_not_counted_after_it() -> None:
    version = counts(tally_of(moved(), answered(), moved(), answered()))
    assert version.success.count == 1


def test_a_reload_that_fails_keeps_the_counts() -> None:
    version = counts(tally_of(moved(seconds=1.0), answered(), moved(reason="broken; the version before goes on")))
    assert (version.success.count, version.load_seconds) == (1, 1.0)


def test_what_is_told_of_a_version_that_goes_on_keeps_the_counts_and_the_workers() -> None:
    ready, failed = (msgspec.structs.replace(moved(state), goes_on=True) for state in ("READY", "UNAVAILABLE"))
    tally = tally_of(worker("started", pid=7), moved(seconds=1.0), answered(), ready, failed)
    assert (counts(tally).success.count, tally.workers["m", 1].alive) == (1, {"0": 7})
    assert tally.states == {("m", 1): "UNAVAILABLE"}


def test_an_unloaded_version_is_gone() -> None:
    tally = tally_of(moved(), worker("started", pid=7), answered(), moved("UNLOADING"), moved("UNAVAILABLE"))
    assert not tally.versions
    assert not tally.states
    assert not tally.workers


def test_a_version_that_is_being_unloaded_is_still_counted() -> None:
    version = counts(tally_of(moved(), moved("UNLOADING"), answered()))
    assert version.success.count == 1


def test_a_version_that_failed_to_load_is_known_as_not_ready() -> None:
    tally = tally_of(moved("LOADING"), moved("UNAVAILABLE", reason="not a model"))
    assert tally.states == {("m", 1): "UNAVAILABLE"}
    assert not tally.versions


def test_a_worker_that_started_lives() -> None:
    tally = tally_of(worker("started", 0, pid=7), worker("started", 1, pid=8), moved())
    assert tally.workers["m", 1].alive == {"0": 7, "1": 8}


def test_workers_of_several_variants_live_beside_one_another() -> None:
    started = worker("started", 0, pid=7)
    variants = [msgspec.structs.replace(started, variant=name, pid=pid) for name, pid in (("fp32", 7), ("int8", 8))]
    assert tally_of(*variants, moved()).workers["m", 1].alive == {"fp32/0": 7, "int8/0": 8}


@pytest.mark.parametrize("what", ["died", "hung"])
def test_a_lost_worker_is_counted_and_its_successor_lives(what: str) -> None:
    workers = tally_of(worker("started", pid=7), moved(), worker(what)).workers["m", 1]
    assert (workers.alive, workers.lost) == ({}, 1)
    workers.add(worker("started", pid=9))
    assert (workers.alive, workers.lost) == ({"0": 9}, 1)


def test_a_worker_that_stopped_was_not_lost() -> None:
    workers = tally_of(worker("started", pid=7), moved(), worker("stopped", pid=7)).workers["m", 1]
    assert (workers.alive, workers.lost) == ({}, 0)


def test_the_end_of_a_replaced_worker_does_not_hide_its_successor() -> None:
    workers = tally_of(worker("started", pid=7), moved(), worker("started", pid=9), worker("stopped", pid=7)).workers
    assert workers["m", 1].alive == {"0": 9}


def test_a_reload_that_fails_leaves_the_workers_that_were_there() -> None:
    first = (worker("started", 0, pid=7), moved(seconds=1.0))
    failed = moved(reason="variant 'int8': cut off")
    workers = tally_of(*first, worker("started", 0, pid=9), failed).workers["m", 1]
    assert workers.alive == {"0": 7}
    workers.add(worker("died", 0, pid=7))
    assert workers.alive == {}


def test_one_that_dies_while_a_reload_fails_is_not_there_any_more() -> None:
    first = (worker("started", 0, pid=7), moved(seconds=1.0))
    during = (worker("started", 0, pid=9), worker("died", 0, pid=7), worker("stopped", 0, pid=9))
    assert tally_of(*first, *during, moved(reason="cut off")).workers["m", 1].alive == {}


def test_a_reload_with_fewer_instances_leaves_none_behind() -> None:
    first = (worker("started", 0, pid=7), worker("started", 1, pid=8), moved())
    workers = tally_of(*first, worker("started", 0, pid=9), moved()).workers
    assert workers["m", 1].alive == {"0": 9}


def test_workers_of_a_load_that_failed_are_gone() -> None:
    workers = tally_of(moved("LOADING"), worker("started", pid=7), moved("UNAVAILABLE", reason="no")).workers
    assert workers["m", 1].alive == {}


def test_the_last_words_of_an_unloaded_worker_are_left_out() -> None:
    tally = tally_of(moved(), worker("started", pid=7), moved("UNLOADING"), moved("UNAVAILABLE"), worker("died"))
    assert not tally.workers


def test_a_step_is_a_run_of_the_model() -> None:
    version = counts(tally_of(moved(), stepped(generated_tokens=5), stepped(0.0, aborted=1)))
    assert (version.runs, version.language.tokens["generated"], version.language.cancelled) == (1, 5, 1)


def test_a_generation_tells_of_its_request_what_was_waited_and_computed() -> None:
    version = counts(tally_of(moved(), generated(), answered()))
    assert (version.success.count, version.rows) == (1, 1)
    assert (version.queue.ns, version.queue_ns.total) == (10 * MS + 400, 10 * MS + 400)
    assert version.stages.infer.ns == 250 * MS + 20


def test_a_generation_that_was_aborted_is_in_no_duration() -> None:
    version = counts(tally_of(moved(), generated(("abort",))))
    assert (version.queue.count, version.stages.infer.count) == (0, 0)
    assert version.language.finishes == {"abort": 1}


def test_steps_of_an_unloaded_version_are_left_out() -> None:
    assert not tally_of(stepped(), generated()).versions


@pytest.mark.parametrize("what", ["died", "hung"])
def test_with_a_worker_its_cache_is_lost(what: str) -> None:
    version = counts(tally_of(worker("started", pid=7), moved(), stepped(used_blocks=5, num_blocks=9), worker(what)))
    assert version.language.used_blocks == 0


def test_engines_of_a_model_are_counted_from_zero() -> None:
    tally = tally_of(moved(version=3), moved(version=4), moved(model="other", version=4))
    assert [counts(tally, version=3).engine, counts(tally, version=4).engine, counts(tally, "other", 4).engine] == [
        0,
        1,
        0,
    ]


def test_a_version_loaded_again_is_the_same_engine() -> None:
    tally = tally_of(moved(version=3), moved(version=4), moved(version=3), moved(version=4))
    assert (counts(tally, version=3).engine, counts(tally, version=4).engine) == (0, 1)


def test_an_engine_that_is_gone_leaves_its_number() -> None:
    gone = (moved("UNLOADING", version=3), moved("UNAVAILABLE", version=3))
    tally = tally_of(moved(version=3), moved(version=4), *gone, moved(version=5))
    assert (counts(tally, version=4).engine, counts(tally, version=5).engine) == (1, 0)


def test_mirrored_requests_are_counted_by_what_became_of_them_and_rollouts_by_how_they_ended() -> None:
    mirrored = [MirrorRecord(ModelVersion("m", 1), outcome) for outcome in ("same", "same", "dropped")]
    ended = [TrafficEvent("m", 1, "rollout", state, "", 1.0) for state in ("started", "done", "done")]
    tally = tally_of(moved(), *mirrored, *ended)
    assert counts(tally).mirrored == {"same": 2, "dropped": 1}
    assert tally.rollouts == {("m", "done"): 2}
