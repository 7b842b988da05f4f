"""The engine without weights does what the protocol of engines promises."""

from pathlib import Path

import msgspec
import pytest

from headrace.errors import ModelInvalid
from headrace.generation import (
    Ask,
    Detokenize,
    Detokenized,
    Embed,
    Embedded,
    Generate,
    Generated,
    Grammar,
    Prompt,
    Result,
    Sampling,
    Score,
    Scored,
    Thinking,
)
from headrace.llm.engine_protocol import Answered, Engine, EngineLoading
from headrace.llm.fake_engine import FakeEngine, FakeFile, load
from headrace.settings import Llm
from headrace.types import Manifest

SAMPLING = Sampling(temperature=0, max_tokens=4, ignore_eos=True)
HELLO = Generate(Prompt(text="Hello"), SAMPLING)


def made(file: FakeFile | None = None, max_sequences: int = 8) -> FakeEngine:
    return FakeEngine(file or FakeFile(), Llm(max_sequences=max_sequences))


def run(engine: Engine) -> list[Answered]:
    """Every answer, until nothing is left to do."""
    answers: list[Answered] = []
    while engine.busy:
        answers += engine.step()
    return answers


def result(ask: Ask, engine: Engine | None = None) -> Result | None:
    engine = engine or made()
    engine.add(1, ask)
    (answer,) = run(engine)
    assert answer.final
    return answer.result


def test_choices_are_told_in_one_answer_where_nothing_streams() -> None:
    generated = result(msgspec.structs.replace(HELLO, n=2))
    assert isinstance(generated, Generated)
    assert [delta.index for delta in generated.deltas] == [0, 1]
    assert generated.deltas[0].text != generated.deltas[1].text
    assert (generated.usage.prompt_tokens, generated.usage.completion_tokens) == (5, 8)
    assert generated.prompt_token_ids == tuple(b"Hello")


def test_an_echo_begins_with_the_prompt() -> None:
    plain, echoed = result(HELLO), result(msgspec.structs.replace(HELLO, echo=True))
    assert isinstance(plain, Generated)
    assert isinstance(echoed, Generated)
    assert echoed.deltas[0].text == "Hello" + plain.deltas[0].text


def test_no_more_run_than_may_and_the_rest_waits() -> None:
    engine = made(max_sequences=2)
    for number in range(3):
        engine.add(number, HELLO)
    engine.step()
    facts = engine.counts()
    assert (facts.running, facts.waiting, facts.generated_tokens, facts.prompt_tokens) == (2, 1, 2, 10)
    assert facts.used_blocks == 2
    assert len(run(engine)) == 3


def test_what_is_aborted_answers_nothing_and_what_it_saved_is_counted() -> None:
    engine = made()
    engine.add(1, HELLO)
    engine.step()
    engine.abort(1)
    engine.abort(2)
    assert not engine.busy
    facts = engine.counts()
    assert (facts.aborted, facts.saved_tokens, facts.used_blocks) == (1, 3, 0)
    assert engine.counts().aborted == 0


@pytest.mark.parametrize(
    ("ask", "fault"),
    [
        (Generate(Prompt(text="x" * 5000)), ("invalid_request", "prompt")),
        (Generate(Prompt(text="bad")), ("invalid_request", "prompt")),
        (Generate(Prompt(text="x"), grammar=Grammar("regex", "a", "guided_regex")), ("unsupported", "guided_regex")),
    ],
)
def test_what_is_wrong_with_a_request_is_an_answer(ask: Ask, fault: tuple[str, str]) -> None:
    engine = made(FakeFile(refuse_on="bad"))
    engine.add(1, ask)
    (answer,) = run(engine)
    assert answer.fault is not None
    assert (answer.fault.code, answer.fault.where) == fault


def test_other_questions_need_no_step_of_the_model() -> None:
    assert result(Detokenize((72, 105))) == Detokenized("Hi")
    assert result(Score("a b", ("b c", "d"))) == Scored((0.5, 0.0), 7, "cross-encoder")
    embedded = result(Embed(("a", "b"), dimensions=3))
    assert isinstance(embedded, Embedded)
    assert (embedded.dimensions, len(embedded.vectors)) == (3, 2 * 3 * 4)


def test_a_file_with_a_fault_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.fakellm"
    path.write_text("tasks = ['sing']")
    with pytest.raises(ModelInvalid, match="tasks"):
        load(EngineLoading(Manifest("m", 1, path, "fakellm"), 1))


def test_thoughts_come_before_the_same_answer_and_only_to_a_conversation() -> None:
    file = FakeFile(thinks="Hm. ")
    engine = made(file)
    asked = Prompt(messages=({"role": "user", "content": "Hello"},))
    sampling = msgspec.structs.replace(SAMPLING, max_tokens=8)
    thought = result(Generate(asked, sampling), engine)
    plain = result(Generate(msgspec.structs.replace(asked, thinking=Thinking(False)), SAMPLING), made(file))
    assert isinstance(thought, Generated)
    assert isinstance(plain, Generated)
    assert (thought.deltas[0].reasoning, thought.deltas[0].text) == ("Hm. ", plain.deltas[0].text)
    assert (thought.usage.completion_tokens, thought.usage.reasoning_tokens) == (8, 4)
    assert engine.facts.reasoning
    text = result(HELLO, made(file))
    assert isinstance(text, Generated)
    assert not text.deltas[0].reasoning
