"""A manifest becomes something that answers, in processes or inside the server."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from headrace import settings
from headrace.batching.batched_model import BatchedModel
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.latency import Latency
from headrace.build import Build
from headrace.clock import LoopClock
from headrace.devices.inventory import cores
from headrace.devices.priority import YIELDING
from headrace.errors import ModelInvalid
from headrace.generation import Generate, Generated, Prompt, Sampling
from headrace.records import Record, WorkerEvent
from headrace.repository.repository import LocalRepository
from headrace.servable import Servable, answer, wholeness
from headrace.types import Batching, Cache, Context, LanguageChoices, Manifest, Objective, Variant
from headrace.workers.kept_process import KeptProcess
from headrace.workers.remote import ProcessInstance
from tests.fakes import request

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""


class Bench:
    def __init__(
        self,
        folder: Path,
        text: str = MODEL,
        llm: settings.Llm | None = None,
        batching: settings.Batching | None = None,
    ) -> None:
        self.path = folder / "model.fake"
        self.path.write_text(text)
        self.records: list[Record] = []
        clock = LoopClock(asyncio.get_running_loop())
        local = LocalRepository(folder)
        self.cache = folder / "cache"
        self.build = Build(
            settings.Config(batching=batching or settings.Batching(), llm=llm or settings.Llm()),
            self.records.append,
            clock,
            local,
            self.cache,
        )

    def kept(self) -> list[str]:
        """What is known of models for the next start, as it is written."""
        return [file.read_text() for file in self.cache.glob("latency-*.json")]

    def started(self) -> list[int]:
        """The instances that were started."""
        return [record.instance for record in self.records if isinstance(record, WorkerEvent)]


@pytest.mark.parametrize("isolation", ["process", "none"])
async def test_a_model_answers_wherever_it_runs(tmp_path: Path, isolation: str) -> None:
    bench = Bench(tmp_path)
    manifest = Manifest("m", 1, bench.path, "fake", isolation="none" if isolation == "none" else "process")
    model = await bench.build(manifest)
    response = await answer(model, request([[1, 2]]))
    assert response.outputs[0].shape == (1, 2)
    assert bench.started() == ([] if isolation == "none" else [0])
    await model.close()


async def test_each_instance_is_a_worker_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    model = await bench.build(Manifest("m", 1, bench.path, "fake", instances=3))
    assert sorted(bench.started()) == [0, 1, 2]
    await model.close()


async def test_a_model_that_dies_of_being_probed_is_served_without(tmp_path: Path) -> None:
    dies_of_true = "crash_on = 1\n" + MODEL.replace('name = "x"', 'name = "x", datatype = "BOOL"')
    bench = Bench(tmp_path, dies_of_true)
    model = await bench.build(Manifest("m", 1, bench.path, "fake"))
    assert not model.signature.batch.batched
    assert "died when it was probed" in model.signature.batch.why
    assert bench.kept() == []  # it is not tried either
    await model.close()


async def test_a_model_that_dies_of_being_padded_still_runs_rows_of_one_length_together(tmp_path: Path) -> None:
    dies_of_less = """
    crash_on = -85  # the first made-up row begins with 85; numbers below zero are tried for padding alone
    inputs = [{ name = "x", shape = [-1, -1], datatype = "INT64" }]
    outputs = [{ name = "y", shape = [-1], value = "sum", datatype = "INT64" }]
    """
    bench = Bench(tmp_path, dies_of_less)
    model = await bench.build(Manifest("m", 1, bench.path, "fake"))
    assert model.signature.batch.batched
    assert model.signature.batch.pad is None
    assert model.signature.batch.unpadded == "its worker died when that was tried"
    await model.close()


@pytest.mark.parametrize("isolation", ["process", "none"])
async def test_what_a_models_runs_take_is_found_out_and_kept(tmp_path: Path, isolation: str) -> None:
    bench = Bench(tmp_path)
    manifest = Manifest("m", 1, bench.path, "fake", isolation="none" if isolation == "none" else "process")
    model = await bench.build(manifest)
    (swept,) = bench.kept()
    for _ in range(5):
        await answer(model, request([[1, 2]]))
    await model.close()
    assert bench.kept() != [swept]  # runs since are known too
    await (await bench.build(manifest)).close()
    assert len(bench.kept()) == 1


@pytest.mark.parametrize("batching", [settings.Batching(policy="fixed"), settings.Batching(sweep_s=0.0)])
async def test_a_model_is_not_tried_where_that_is_of_no_use_or_not_wanted(
    tmp_path: Path, batching: settings.Batching
) -> None:
    bench = Bench(tmp_path, batching=batching)
    model = await bench.build(Manifest("m", 1, bench.path, "fake"))
    assert bench.kept() == []
    await model.close()


async def test_a_model_that_dies_of_being_tried_is_served_all_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "crash_on = 0\n" + MODEL)
    manifest = Manifest("m", 1, bench.path, "fake", batching=Batching(enabled=True, max_size=4))
    model = await bench.build(manifest)
    response = await asyncio.wait_for(answer(model, request([[1, 2]])), 30)
    assert response.outputs[0].shape == (1, 2)
    await model.close()


async def test_the_manifests_batch_size_is_the_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    model = await bench.build(Manifest("m", 1, bench.path, "fake", batching=Batching(max_size=3)))
    assert model.signature.batch.max_size == 3
    await model.close()


async def test_a_model_that_does_not_load_leaves_no_worker(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "inputs = 3")
    with pytest.raises(ModelInvalid):
        await bench.build(Manifest("m", 1, bench.path, "fake", instances=2))
    assert bench.started() == []


def with_variant(bench: Bench, text: str, accuracy: float = 0.9, **more: Any) -> Manifest:
    """The bench's model, and another file that may answer for it."""
    quick = bench.path.with_name("quick.fake")
    quick.write_text(text)
    variants = Variant("exact", bench.path, "fake", 1.0), Variant("quick", quick, "fake", accuracy)
    return Manifest("m", 1, bench.path, "fake", variants=variants, **more)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("isolation", ["process", "none"])
async def test_each_variant_has_instances_and_times_of_its_own(
    tmp_path: Path, isolation: Literal["process", "none"]
) -> None:
    bench = Bench(tmp_path)
    model = await whole(bench.build(with_variant(bench, "delay_ms = 1\n" + MODEL, isolation=isolation)))
    assert len(bench.kept()) == 2
    assert bench.started() == ([] if isolation == "none" else [0, 0])
    asked = request([[1, 2]])
    for name, context in (("exact", asked.context), ("quick", Context(0, variant="quick"))):
        response = await answer(model, msgspec.structs.replace(asked, context=context))
        assert response.batch is not None
        assert response.batch.variant == name
    await model.close()


async def whole(building: Awaitable[Servable]) -> Servable:
    """With all of its variants. Raises why one of them cannot be had; then it is closed."""
    model = await building
    wait = wholeness(model)
    assert wait is not None
    try:
        await wait()
    except BaseException:
        await model.close()
        raise
    return model


async def test_a_model_without_variants_has_nothing_to_come(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    model = await bench.build(Manifest("m", 1, bench.path, "fake"))
    assert wholeness(model) is None
    await model.close()


async def test_the_own_file_answers_before_the_variants_are_there(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    model = await bench.build(with_variant(bench, "delay_ms = 500\n" + MODEL))
    assert (await answer(model, request([[1, 2]]))).outputs[0].shape == (1, 2)
    assert bench.started() == [0]
    await model.close()


async def test_a_variant_that_takes_something_else_is_refused_and_leaves_no_worker(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(ModelInvalid) as refusal:
        await whole(bench.build(with_variant(bench, MODEL.replace("[-1, 2]", "[-1, 3]"))))
    assert str(refusal.value) == (
        "variant 'quick': is no stand-in for the model: input 'x' is [?, 3], the model's [?, 2]; "
        "output 'y' is [?, 3], the model's [?, 2]"
    )
    pids = [record.pid for record in bench.records if isinstance(record, WorkerEvent)]
    assert len(pids) == 2
    assert not any(map(lives, pids))


async def test_a_variant_that_does_not_load_is_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(ModelInvalid, match=r"^variant 'quick': quick\.fake"):
        await whole(bench.build(with_variant(bench, "inputs = 3")))


async def test_an_objective_out_of_reach_is_told_with_what_each_variant_reaches(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "delay_ms = 40\n" + MODEL)
    said = Objective(p99_ms=5)
    model = await whole(bench.build(with_variant(bench, "delay_ms = 10\n" + MODEL, objective=said)))
    (warning,) = model.signature.warnings
    assert warning.startswith("no answer can come within the objective of 5 ms")
    assert warning.index("with 'quick' at best") < warning.index("with 'exact')")
    await model.close()
    within = await whole(bench.build(with_variant(bench, MODEL, objective=Objective(p99_ms=1000))))
    assert within.signature.warnings == ()
    await within.close()


LANGUAGE = Generate(Prompt(text="Hi"), Sampling(temperature=0, max_tokens=3, ignore_eos=True))


async def test_a_language_model_is_an_engine_in_a_process_with_settings_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    manifest = Manifest("m", 1, bench.path, "fakellm", llm=LanguageChoices(max_context=77))
    model = await bench.build(manifest)
    facts = model.signature.language
    assert facts is not None
    assert (facts.family, facts.max_context) == ("fake", 77)
    response = await answer(model, msgspec.structs.replace(request([[1]]), ask=LANGUAGE))
    assert isinstance(response.result, Generated)
    assert response.result.usage.completion_tokens == 3
    assert bench.started() == [0]
    await model.close()


async def test_a_language_model_that_does_not_load_leaves_no_process(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "tasks = 3")
    with pytest.raises(ModelInvalid, match="tasks"):
        await bench.build(Manifest("m", 1, bench.path, "fakellm"))
    assert bench.started() == []


async def test_a_model_with_a_cache_computes_equal_requests_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    manifest = Manifest("m", 1, bench.path, "fake", cache=Cache(ttl_s=60))
    model = await bench.build(manifest)
    answers = [await answer(model, request([[1, 2]])) for _ in range(3)]
    assert [each.cache.hit for each in answers if each.cache] == [False, True, True]
    await model.drain()
    await model.close()


@pytest.mark.parametrize("policy", ["deadline", "fixed"])
async def test_models_on_a_shared_lane_run_in_turn(tmp_path: Path, policy: Literal["deadline", "fixed"]) -> None:
    bench = Bench(
        tmp_path, f"delay_ms = 30\n{MODEL}", batching=settings.Batching(policy=policy, lane="shared", sweep_s=0)
    )
    models = [await bench.build(Manifest(name, 1, bench.path, "fake")) for name in ("a", "b")]
    answers = await asyncio.gather(*(answer(model, request([[1, 2]])) for model in models))
    first, second = (each.batch for each in answers)
    assert first
    assert second
    assert abs(first.started_ns - second.started_ns) >= 30_000_000
    for model in models:
        await model.close()


async def test_two_lanes_are_two_workers_with_half_of_the_threads_unless_instances_are_given(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    model = await bench.build(Manifest("m", 1, bench.path, "fake", batching=Batching(lanes=2)))
    assert sorted(bench.started()) == [0, 1]
    await model.close()
    bench.records.clear()
    model = await bench.build(Manifest("m", 1, bench.path, "fake", batching=Batching(lanes=2), instances=3))
    assert sorted(bench.started()) == [0, 1, 2]
    await model.close()


@pytest.mark.skipif(cores() < 2, reason="one core has no half")
async def test_beside_a_model_with_far_more_time_one_runs_with_half_of_the_threads_and_the_other_gives_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench = Bench(tmp_path)
    long = await bench.build(Manifest("long", 1, bench.path, "fake", objective=Objective(p99_ms=30_000)))
    short = await bench.build(Manifest("short", 1, bench.path, "fake", objective=Objective(p99_ms=1000)))
    assert "short/1: runs with half of its threads" in caplog.text
    assert "long/1: gives way to models whose objective is far shorter" in caplog.text
    pids = [each.pid for each in bench.records if isinstance(each, WorkerEvent)]
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in pids] == [min(own + YIELDING, 19), own]
    assert (await answer(short, request([[1, 2]]))).outputs[0].shape == (1, 2)
    await short.close()
    await long.close()


@pytest.mark.skipif(cores() < 2, reason="one core has no half")
async def test_a_model_that_could_not_hold_its_objective_with_half_of_the_threads_keeps_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench = Bench(tmp_path, f"delay_ms = 15\n{MODEL}")
    long = await bench.build(Manifest("long", 1, bench.path, "fake", objective=Objective(p99_ms=300)))
    short = await bench.build(Manifest("short", 1, bench.path, "fake", objective=Objective(p99_ms=20)))
    assert "short/1: keeps all of its threads beside other models: with half of them its shortest run" in caplog.text
    await short.close()
    await long.close()


async def test_nothing_of_a_model_that_was_closed_waits_for_the_collector(tmp_path: Path) -> None:
    """Which comes so seldom that a server which loads and unloads would hold many models' worth of it."""
    bench = Bench(tmp_path)
    kinds = BatchedModel, DeadlinePolicy, ProcessInstance, KeptProcess, Latency

    def there() -> Counter[str]:
        return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds))

    gc.collect()
    gc.disable()
    try:
        before = there()  # what other tests hold
        model = await bench.build(Manifest("m", 1, bench.path, "fake"))
        assert there() - before == dict.fromkeys((kind.__name__ for kind in kinds), 1)
        await answer(model, request([[1, 2]]))
        await model.close()
        del model
        await asyncio.sleep(0)
        assert there() - before == {}
    finally:
        gc.enable()
