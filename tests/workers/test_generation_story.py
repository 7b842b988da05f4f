"""What is kept of a generation."""

from headrace.generation import Delta, Generate, Generated, Prompt, Sampling, Times, Usage
from headrace.llm.terms import Terms
from headrace.records import GenerationRecord
from headrace.types import ModelVersion
from headrace.workers.generation_story import Story

VERSION = ModelVersion("m", 1)
ASK = Generate(Prompt(text="Hi"), Sampling(max_tokens=9), n=2)
TIMES = Times(1, 2)


def test_its_end_tells_what_it_took_and_how_each_choice_ended() -> None:
    story = Story(ASK, 100)
    story.hear(Generated((Delta(0, "a", (5,)), Delta(1, "b", (6,), finish="stop")), Usage(1, 2), times=TIMES), 150)
    story.hear(Generated((Delta(0, "c", (7,), finish="length"),), Usage(1, 3)), 160)
    assert story.record(VERSION, 200) == GenerationRecord(
        VERSION, 2, 9, Usage(1, 3), TIMES, ("length", "stop"), 100, 200, 2
    )


def test_what_is_not_complete_was_aborted() -> None:
    assert Story(ASK, 100).record(VERSION, 200).finishes == ("abort", "abort")


def test_what_is_not_complete_may_have_been_lost() -> None:
    assert Story(ASK, 100).record(VERSION, 200, "error").finishes == ("error", "error")


def test_the_request_is_named() -> None:
    record = Story(ASK, 100, "41", "00-ab-cd-01").record(VERSION, 200)
    assert (record.id, record.trace) == ("41", "00-ab-cd-01")


def test_it_is_told_whether_a_conversation_went_on_or_a_text() -> None:
    chat = Generate(Prompt(messages=({"role": "user", "content": "Hi"},)))
    assert [Story(ask, 100).record(VERSION, 200).chat for ask in (chat, ASK)] == [True, False]


def test_what_was_promised_is_told_with_it() -> None:
    record = Story(ASK, 100, terms=Terms(arrived_ns=90, ttft_ns=50, tpot_ns=7)).record(VERSION, 200)
    assert (record.first_due_ns, record.tpot_ns) == (140, 7)


def test_what_was_waited_before_the_engine_heard_of_it_is_queueing() -> None:
    story = Story(ASK, 1000)
    story.hear(Generated((Delta(0, "a"),), Usage(1, 1), times=Times(10, 40, told_ns=50)), 1000 + 150)
    story.hear(Generated((Delta(0, "b"),), Usage(1, 2), times=Times(10, 40)), 9999)
    assert story.record(VERSION, 9999).times == Times(110, 140)


def test_clocks_that_disagree_take_nothing_away() -> None:
    story = Story(ASK, 1000)
    story.hear(Generated((Delta(0, "a"),), Usage(1, 1), times=Times(10, 40, told_ns=50)), 1000)
    assert story.record(VERSION, 1000).times == Times(10, 40)


def test_when_it_made_room_for_others_counts_from_its_arrival_at_the_server() -> None:
    story = Story(ASK, 1000)
    story.hear(Generated((Delta(0, "a"),), Usage(1, 1), times=Times(10, 40, told_ns=50)), 1000 + 150)
    paused = Times(10, 40, pauses=((60, 80), (90, 95)))
    story.hear(Generated((Delta(0, "b"),), Usage(1, 2), times=paused), 9999)
    assert story.record(VERSION, 9999).times == Times(110, 140, pauses=((160, 180), (190, 195)))


def test_an_answer_that_is_told_whole_has_its_pauses_with_it() -> None:
    story = Story(ASK, 1000)
    whole = Times(10, 40, told_ns=50, pauses=((41, 45),))
    story.hear(Generated((Delta(0, "a", finish="stop"),), Usage(1, 1), times=whole), 1000 + 150)
    assert story.record(VERSION, 9999).times.pauses == ((141, 145),)
