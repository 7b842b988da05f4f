"""A language model in a process of its own: it answers, streams, dies, hangs, comes back and is stopped."""

import asyncio
import os
import signal
import time
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from headrace.arrays import from_array, to_array
from headrace.clock import LoopClock
from headrace.errors import (
    DeadlineExceeded,
    HeadraceError,
    InvalidRequest,
    ModelInvalid,
    ModelUnavailable,
    QueueFull,
    WorkerLost,
    WouldBeLate,
)
from headrace.generation import (
    Embed,
    Generate,
    Generated,
    Prompt,
    Sampling,
    Tokenize,
    Tokenized,
    Usage,
)
from headrace.records import CancelRecord, GenerationRecord, ShedRecord
from headrace.servable import Answers, answer
from headrace.types import Backlog, Context, ModelVersion, Response
from tests.workers.engine_bench import GREEDY, SLOW, Bench, ask, bench, text_of


async def test_it_says_what_the_model_is_and_answers(tmp_path: Path) -> None:
    async with bench(tmp_path, "max_context = 100") as made:
        facts = made.engine.signature.language
        assert facts is not None
        assert facts.max_context == 100
        response = await answer(made.engine, ask(Generate(Prompt(text="Hi"), GREEDY)))
        assert isinstance(response.result, Generated)
        assert response.result.usage.completion_tokens == 5
        assert response.final
        assert made.told() == ["started"]


async def test_a_request_in_company_has_the_text_that_it_has_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        prompts = [f"prompt {number}" for number in range(9)]
        alone = [await made.text(prompt) for prompt in prompts]
        assert await asyncio.gather(*map(made.text, prompts)) == alone


async def test_a_stream_is_told_step_by_step_and_its_pieces_are_the_text(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        answers = Answers()
        made.engine.submit(ask(Generate(Prompt(text="Hi"), GREEDY, stream=True)), answers)
        responses = [response async for response in answers]
        assert [response.final for response in responses] == [False] * 4 + [True]
        assert "".join(map(text_of, responses)) == await made.text("Hi")


async def test_other_questions_are_answered_beside_generation(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        response = await answer(made.engine, ask(Tokenize(Prompt(text="Hi"))))
        assert response.result == Tokenized((72, 105), ("H", "i"), 4096)


async def test_each_step_is_recorded(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.text("Hello")
        facts = [record.facts for record in made.steps()]
        assert sum(fact.generated_tokens for fact in facts) == 5
        assert sum(fact.prompt_tokens for fact in facts) == 5
        assert facts[-1].running == 0


async def test_a_generation_is_recorded_once_it_is_complete(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.text("Hello")
        (record,) = [record for record in made.records if isinstance(record, GenerationRecord)]
        assert (record.usage, record.finishes, record.max_tokens) == (Usage(5, 5), ("length",), 5)
        assert 0 < record.times.first_token_ns < record.finished_ns - record.arrived_ns


async def test_what_the_engine_refuses_is_an_error_with_its_field(tmp_path: Path) -> None:
    async with bench(tmp_path, "refuse_on = 'bad'") as made:
        with pytest.raises(InvalidRequest, match="refuses") as caught:
            await made.text("a bad prompt")
        assert caught.value.where == "prompt"


async def test_a_task_that_the_model_was_not_made_for_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, "tasks = ['generate']") as made:
        with pytest.raises(InvalidRequest, match="was not made to embed; it can: generate"):
            await answer(made.engine, ask(Embed(("a",))))


async def test_a_cancelled_request_is_out_of_the_engine_and_what_it_saved_is_counted(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        answers = Answers()
        long = Sampling(temperature=0, max_tokens=1000, ignore_eos=True)
        cancel = made.engine.submit(ask(Generate(Prompt(text="Hi"), long, stream=True)), answers)
        await anext(aiter(answers))
        cancel()
        assert made.engine.backlog() == Backlog(0, 0)
        assert [record.finishes for record in made.records if isinstance(record, GenerationRecord)] == [("abort",)]
        await made.text("other")
        assert sum(record.facts.aborted for record in made.steps()) == 1
        assert sum(record.facts.saved_tokens for record in made.steps()) > 900
        assert made.steps()[-1].facts.used_blocks == 0


async def test_a_request_that_is_cancelled_at_once_never_leaves(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.engine.submit(ask(Generate(Prompt(text="Hi"), GREEDY)), Answers())()
        await made.text("other")
        assert sum(record.facts.generated_tokens for record in made.steps()) == 5


async def test_a_request_past_its_deadline_is_answered_and_aborted(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        clock = LoopClock(asyncio.get_running_loop())
        long = Generate(Prompt(text="Hi"), Sampling(temperature=0, ignore_eos=True))
        with pytest.raises(DeadlineExceeded):
            await answer(made.engine, ask(long, deadline_ns=clock.now_ns() + 100_000_000))
        with pytest.raises(DeadlineExceeded, match="on arrival"):
            await answer(made.engine, ask(long, deadline_ns=clock.now_ns() - 1))
        assert [record.reason for record in made.records if isinstance(record, ShedRecord)] == ["late", "late"]


async def test_more_than_may_wait_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW, max_queue=2) as made:
        calls = [asyncio.ensure_future(made.text(str(number))) for number in range(3)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, QueueFull) for result in results] == [False, False, True]


async def test_who_is_refused_is_told_when_the_next_may_have_left(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW, max_queue=1) as made:
        before, first = await asyncio.gather(made.text("a"), made.text("b"), return_exceptions=True)
        then, later = await asyncio.gather(made.text("a"), made.text("b"), return_exceptions=True)
        assert (type(before), type(then)) == (str, str)
        assert isinstance(first, QueueFull)
        assert isinstance(later, QueueFull)
        assert first.retry_after_s == 1.0
        assert later.retry_after_s
        assert 0.02 < later.retry_after_s < 1.0


async def test_more_bytes_than_may_wait_are_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW, num_bytes=1000) as made:
        calls = [asyncio.ensure_future(made.text("x" * 600)) for _ in range(2)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, QueueFull) for result in results] == [False, True]


async def test_a_value_that_no_message_can_hold_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        prompt = Prompt(messages=({"role": "user", "content": 2**70},), where="messages")
        with pytest.raises(InvalidRequest, match="cannot be passed on") as caught:
            await answer(made.engine, ask(Generate(prompt)))
        assert caught.value.where == "messages"


async def test_what_was_not_answered_yet_is_computed_once_more_after_a_death(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        quiet = asyncio.ensure_future(made.text("quiet"))
        await asyncio.sleep(0)
        made.kill()
        assert await quiet == await made.text("quiet")
        assert made.told() == ["started", "died", "started"]


async def test_a_stream_goes_on_where_it_was_however_often_its_engine_dies(tmp_path: Path) -> None:
    sampling = Sampling(seed=3, max_tokens=60, ignore_eos=True, logprobs=1, stop=("zzzzz",))
    asked = Generate(Prompt(text="streams"), sampling, n=2, stream=True, echo=True)
    async with bench(tmp_path, "delay_ms = 5") as made:
        whole = await made.stream(asked)
        for died in range(1, 4):
            again = await made.stream(asked, kill_after=10)
            assert made.told().count("died") == died
            assert again.texts == whole.texts
            assert again.token_ids == whole.token_ids
            assert again.logprobs == whole.logprobs
            assert again.usage == whole.usage
            assert again.finishes == whole.finishes
            assert again.first_answers == 1


async def test_a_choice_that_was_complete_is_not_told_again(tmp_path: Path) -> None:
    sampling = Sampling(temperature=0.9, seed=1, max_tokens=150)
    asked = Generate(Prompt(text="ends"), sampling, n=3, stream=True)
    async with bench(tmp_path, "delay_ms = 2") as made:
        whole = await made.stream(asked)
        early, late = min(map(len, whole.token_ids)), max(map(len, whole.token_ids))
        assert early < late - 5, "choices end at different times"
        again = await made.stream(asked, kill_after=early + 2)
        assert (again.texts, again.finishes) == (whole.texts, whole.finishes)


async def test_a_request_that_every_worker_dies_of_is_given_up(tmp_path: Path) -> None:
    async with bench(tmp_path, "crash_on = 'boom'") as made:
        with pytest.raises(WorkerLost, match="exited with status 70"):
            await made.text("boom")
        assert len(await made.text("next")) == 5
        assert made.told() == ["started", "died", "started", "died", "started"]


@pytest.mark.parametrize(
    ("trigger", "deadline_ms", "retry_after_s", "reason"),
    [("late_on", 50.0, 0.032, "predicted"), ("never_on", 5.0, None, "impossible")],
)
async def test_what_would_be_late_is_refused_with_the_figures_and_recorded(
    tmp_path: Path, trigger: str, deadline_ms: float, retry_after_s: float | None, reason: str
) -> None:
    async with bench(tmp_path, f"{trigger} = 'zzz'") as made:
        asked = msgspec.structs.replace(
            ask(Generate(Prompt(text="zzz"), GREEDY, stream=True)), context=Context(0, tenant="alice")
        )
        with pytest.raises(WouldBeLate) as refused:
            await answer(made.engine, asked)
        error = refused.value
        assert (error.predicted_ms, error.deadline_ms, error.retry_after_s) == (81.5, deadline_ms, retry_after_s)
        shed = [record for record in made.records if isinstance(record, ShedRecord)]
        assert shed == [ShedRecord(ModelVersion("m", 1), "alice", reason, 81_500_000, int(deadline_ms * 1e6))]
        assert not [record for record in made.records if isinstance(record, GenerationRecord)]


async def test_a_caller_that_leaves_is_recorded_with_the_time_that_it_saves(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        await made.text("Hi")
        answers = Answers()
        long = Sampling(temperature=0, max_tokens=500, ignore_eos=True)
        cancel = made.engine.submit(ask(Generate(Prompt(text="Hi"), long, stream=True)), answers)
        async for _ in answers:
            break
        cancel()
        [left] = [record for record in made.records if isinstance(record, CancelRecord)]
        assert left.stage == "running"
        assert left.saved_ns > 1_000_000


async def test_a_step_that_never_ends_is_ended(tmp_path: Path) -> None:
    async with bench(tmp_path, "hang_on = 'zzz'", timeout_s=0.3) as made:
        with pytest.raises(WorkerLost, match=r"took more than 0\.3 s for one run"):
            await made.text("zzz")
        assert made.told() == ["started", "hung"]


async def test_what_a_worker_hung_of_by_itself_is_not_run_again(tmp_path: Path) -> None:
    async with bench(tmp_path, "hang_on = 'zzz'", timeout_s=0.3) as made:
        await made.text("before")
        with pytest.raises(WorkerLost, match="took more than"):
            await made.text("zzz")
        assert len(await made.text("next")) == 5
        assert made.told() == ["started", "hung", "started"]


async def test_what_a_worker_had_that_was_stopped_by_a_signal_is_run_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        assert made.engine.pid is not None
        os.kill(made.engine.pid, signal.SIGSTOP)
        assert len(await made.text("Hi")) == 5
        assert made.told() == ["started", "hung", "started"]


async def test_a_model_that_cannot_be_loaded_gives_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="max_context"):
        async with bench(tmp_path, "max_context = 'long'"):
            pass


async def test_a_drain_waits_for_the_last_answer_and_takes_nothing_new(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        running = asyncio.ensure_future(made.text("Hi"))
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(made.engine.drain())
        await asyncio.sleep(0)
        with pytest.raises(ModelUnavailable, match="being unloaded"):
            await made.text("late")
        await draining
        assert running.done()


async def test_closing_answers_what_is_here_and_ends_the_process(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        running = asyncio.ensure_future(made.text("Hi"))
        await asyncio.sleep(0)
        pid = made.engine.pid
        assert pid is not None
    with pytest.raises(HeadraceError, match="was unloaded"):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert made.works.device.spent(time.monotonic_ns() + 1).under_way_ns == 0, "it no longer runs"


async def test_an_answer_has_its_part_of_the_devices_time_and_the_steps_have_the_same(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        asked = Generate(Prompt(text="Hi"), GREEDY)
        first, second = await asyncio.gather(*(answer(made.engine, ask(asked)) for _ in range(2)))
    charged_ns = sum(step.device_ns for step in made.steps())
    assert first.device_ns > 0
    assert first.device_ns + second.device_ns == charged_ns
    assert {share[:2] for step in made.steps() for share in step.shares} == {("", "serve")}
    assert made.works.device.spent(time.monotonic_ns()).charged_ns >= charged_ns


async def test_a_text_tensor_is_continued(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        text = from_array("text_input", np.array([b"Hi"], object))
        said = b'{"temperature": 0, "max_tokens": 5, "ignore_eos": true}'
        parameters = from_array("sampling_parameters", np.array([said], object))
        (output,) = (await answer(made.engine, ask(None, [text, parameters]))).outputs
        assert to_array(output).tolist() == [b"Hi" + (await made.text("Hi")).encode()]


async def test_tensors_without_text_are_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        with pytest.raises(InvalidRequest, match="'x' is no input of the model; it has: text_input"):
            await answer(made.engine, ask(None, [from_array("x", np.zeros(1, np.float32))]))


class _Caller:
    """Asks, may go away, and remembers what it was told."""

    def __init__(self, made: Bench, number: int) -> None:
        self.answers: list[Response | HeadraceError] = []
        self.done = asyncio.Event()
        sampling = Sampling(temperature=0, max_tokens=1 + number % 7, ignore_eos=True)
        asked = ask(Generate(Prompt(text=str(number)), sampling, stream=number % 2 == 0))
        self._cancel = made.engine.submit(asked, self)

    def __call__(self, answer: Response | HeadraceError) -> None:
        assert not self.done.is_set(), "told after the end"
        self.answers.append(answer)
        if isinstance(answer, HeadraceError) or answer.final:
            self.done.set()

    def leave(self) -> None:
        self._cancel()
        self.done.set()


async def test_every_request_ends_once_whatever_becomes_of_the_worker(tmp_path: Path) -> None:
    random = Random(1)
    async with bench(tmp_path, "delay_ms = 2", max_queue=1000) as made:
        callers: list[_Caller] = []
        for number in range(150):
            callers.append(_Caller(made, number))
            if random.random() < 0.3:
                random.choice(callers).leave()
            if number % 40 == 20 and (pid := made.engine.pid):
                os.kill(pid, signal.SIGKILL)
            if random.random() < 0.3:
                await callers[-1].done.wait()
        await asyncio.gather(*(caller.done.wait() for caller in callers))
        assert made.engine.backlog() == Backlog(0, 0)
        await made.text("the next")
        assert made.steps()[-1].facts.used_blocks == 0
        ends = [caller.answers[-1] for caller in callers if caller.answers]
        assert not [end for end in ends if isinstance(end, HeadraceError)]


async def test_who_waits_for_a_worker_that_cannot_be_started_again_is_told_so_and_a_drain_ends(tmp_path: Path) -> None:
    async with bench(tmp_path, SLOW) as made:
        waiting = asyncio.ensure_future(made.text("Hi"))
        await asyncio.sleep(0)
        (tmp_path / "model.fakellm").unlink()
        made.kill()
        drained = asyncio.ensure_future(made.engine.drain())
        with pytest.raises(ModelUnavailable, match="its worker does not start"):
            await waiting
        await drained
