"""What a request says of thinking, and how thoughts stand in a message."""

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Delta, LanguageFacts
from headrace.protocols.openai.reasoning import reasoning_json, thinking_of
from tests.fakes_generation import CHAT, THINKER


@pytest.mark.parametrize(("effort", "on"), [(None, None), ("none", False), ("minimal", True), ("max", True)])
def test_an_effort_turns_thinking_on_but_for_none(effort: str | None, on: bool | None) -> None:
    assert thinking_of(effort, THINKER, "reasoning_effort").on is on


@pytest.mark.parametrize(("effort", "facts"), [("some", THINKER), ("", THINKER), ("low", CHAT)])
def test_an_effort_that_cannot_be_made_is_refused(effort: str, facts: LanguageFacts) -> None:
    with pytest.raises(InvalidRequest) as caught:
        thinking_of(effort, facts, "reasoning.effort")
    assert caught.value.where == "reasoning.effort"


def test_a_model_that_does_not_think_makes_no_effort_gladly() -> None:
    assert thinking_of("none", CHAT, "reasoning_effort").on is False


def test_thoughts_have_two_names_and_none_where_there_are_none() -> None:
    assert reasoning_json(Delta(reasoning="Hm.")) == {"reasoning_content": "Hm.", "reasoning": "Hm."}
    assert reasoning_json(Delta(text="Paris.")) == {}
