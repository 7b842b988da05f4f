"""When a refusal is not believed."""

from headrace.llm.admission import Standing
from headrace.llm.doubt import AGAIN_NS, BELIEVED_NS, FAR, STALE_NS, Doubt
from headrace.llm.step_time import StepShape

MS = 1_000_000
CROWD = Standing(decoding=StepShape(4, 4, 800))


def stepping(*lengths_ms: int) -> tuple[Doubt, int]:
    """One that saw these steps, and when the last ended; another runs."""
    doubt, now_ns = Doubt(), 0
    doubt.stepped(True, now_ns)
    for length_ms in lengths_ms:
        now_ns += length_ms * MS
        doubt.stepped(True, now_ns)
    return doubt, now_ns


def test_an_idle_engine_that_took_no_step_of_late_tries_what_may_be_in_time() -> None:
    doubt = Doubt()
    assert doubt.lets_in(Standing(), 0.05, FAR, 0)
    assert not doubt.lets_in(Standing(), 0.05, FAR + 0.1, 0)
    doubt.stepped(True, 0)
    doubt.stepped(False, 10 * MS)
    assert not doubt.lets_in(Standing(), 0.05, 1.1, STALE_NS - 1)
    assert doubt.lets_in(Standing(), 0.05, 1.1, STALE_NS)


def test_what_is_predicted_to_take_far_more_is_tried_too_but_seldom() -> None:
    doubt = Doubt()
    assert not doubt.lets_in(Standing(), 0.05, 10 * FAR, 0)
    assert not doubt.lets_in(Standing(), 0.05, 10 * FAR, BELIEVED_NS - 1)
    assert doubt.lets_in(Standing(), 0.05, 10 * FAR, BELIEVED_NS)
    doubt.stepped(True, BELIEVED_NS)
    doubt.stepped(False, BELIEVED_NS + 10 * MS)
    assert not doubt.lets_in(Standing(), 0.05, 10 * FAR, 2 * BELIEVED_NS - 1)
    assert doubt.lets_in(Standing(), 0.05, 10 * FAR, 2 * BELIEVED_NS)


def test_where_steps_are_short_one_is_let_in_now_and_then() -> None:
    doubt, now_ns = stepping(*[20] * 50)
    assert doubt.lets_in(CROWD, 0.05, 50.0, now_ns)
    assert not doubt.lets_in(CROWD, 0.05, 50.0, now_ns + AGAIN_NS - 1)
    assert doubt.lets_in(CROWD, 0.05, 50.0, now_ns + AGAIN_NS)


def test_where_steps_take_what_they_may_refusals_are_believed() -> None:
    doubt, now_ns = stepping(*[20] * 50, *[48] * 50)
    assert not doubt.lets_in(CROWD, 0.05, 1.1, now_ns)


def test_where_prompts_wait_refusals_are_believed() -> None:
    doubt, now_ns = stepping(*[20] * 50)
    assert not doubt.lets_in(Standing(decoding=CROWD.decoding, prompt_tokens=10.0), 0.05, 1.1, now_ns)


def test_time_without_anything_to_do_is_no_step() -> None:
    doubt, now_ns = stepping(*[20] * 50)
    doubt.stepped(False, now_ns + 20 * MS)
    doubt.stepped(True, now_ns + 9_000 * MS)
    doubt.stepped(True, now_ns + 9_020 * MS)
    assert doubt.lets_in(CROWD, 0.05, 1.1, now_ns + 9_020 * MS)
