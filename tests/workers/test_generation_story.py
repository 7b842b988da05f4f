"""What is kept of a generation."""

from headrace.generation import Delta, Generate, Generated, Prompt, Sampling, Times, Usage
from headrace.records import GenerationRecord
from headrace.types import ModelVersion
from headrace.workers.generation_story import Story

VERSION = ModelVersion("m", 1)
ASK = Generate(Prompt(text="Hi"), Sampling(max_tokens=9), n=2)
TIMES = Times(1, 2)


def test_its_end_tells_what_it_took_and_how_each_choice_ended() -> None:
    story = Story(ASK, 100)
    story.hear(Generated((Delta(0, "a"), Delta(1, "b", finish="stop")), Usage(1, 2), times=TIMES))
    story.hear(Generated((Delta(0, "c", finish="length"),), Usage(1, 3)))
    assert story.record(VERSION, 200) == GenerationRecord(
        VERSION, 2, 9, Usage(1, 3), TIMES, ("length", "stop"), 100, 200
    )


def test_what_is_not_complete_was_aborted() -> None:
    assert Story(ASK, 100).record(VERSION, 200).finishes == ("abort", "abort")
