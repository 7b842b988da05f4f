"""What is asked is checked against the model, and made ready to be computed."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Detokenize, Generate, Grammar, Prompt, Sampling, Tokenize, ToolChoice
from headrace.llm.preparing import Preparing
from headrace.llm.prompt import PromptReader
from headrace.llm.tool_calls import HERMES, hermes_system
from tests.llm.engines import EOS, TEMPLATE, preparing, tokenizer

VOCABULARY = tokenizer().vocabulary
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
ASKED = ({"role": "user", "content": "What is there?"},)
MADE = preparing(VOCABULARY)


def ask(**more: Any) -> Generate:
    return Generate(Prompt(text="The model answers."), **more)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (ask(sampling=Sampling(stop=("a",) * 65)), "stop"),
        (ask(sampling=Sampling(stop_ids=(1, VOCABULARY))), "stop_token_ids[1]"),
        (ask(sampling=Sampling(logit_bias={VOCABULARY: 1.0})), f"logit_bias.{VOCABULARY}"),
        (ask(sampling=Sampling(logit_bias={-1: 1.0})), "logit_bias.-1"),
        (ask(n=3, best_of=2), "best_of"),
        (ask(sampling=Sampling(max_tokens=0)), "max_tokens"),
        (ask(grammar=Grammar("json_schema", "5", "response_format")), "response_format"),
        (Generate(Prompt(token_ids=(VOCABULARY,))), "prompt[0]"),
    ],
)
def test_what_the_model_cannot_do_is_refused_by_its_field(wrong: Generate, where: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        MADE.generation(wrong)
    assert refusal.value.where.startswith(where)


def test_the_text_of_tokens_is_echoed() -> None:
    ids = tuple(MADE.tokenizer.encode("The server"))
    assert MADE.generation(Generate(Prompt(token_ids=ids), echo=True)).echo == "The server"
    assert MADE.generation(Generate(Prompt(token_ids=ids))).echo == ""


def test_tokens_outside_the_vocabulary_have_no_text() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        MADE.detokenized(Detokenize((1, VOCABULARY)))
    assert refusal.value.where == "tokens[1]"


def with_tools(**more: Any) -> Generate:
    return Generate(Prompt(messages=ASKED, tools=(TOOL,), **more))


def test_a_choice_of_tools_is_enforced_and_an_offer_is_not() -> None:
    offered, required = MADE.generation(with_tools()), MADE.generation(with_tools(tool_choice=ToolChoice("required")))
    assert offered.calls is not None and required.calls is not None
    assert (offered.calls.form, offered.matcher) == (HERMES, None)
    assert required.matcher is not None
    assert MADE.generation(with_tools(tool_choice=ToolChoice("none"))).calls is None


def test_a_form_and_a_call_cannot_both_be_enforced() -> None:
    asked = with_tools(tool_choice=ToolChoice("required"))
    with pytest.raises(InvalidRequest) as refusal:
        MADE.generation(msgspec.structs.replace(asked, grammar=Grammar("json_object", where="response_format")))
    assert refusal.value.where == "response_format"


def test_calls_in_a_form_that_is_not_read_are_refused() -> None:
    template = TEMPLATE + "{% for tool in tools %}<function={{ tool.name }}>{% endfor %}"
    made = tokenizer()
    strange = Preparing(made, PromptReader(made, VOCABULARY, template, 1, EOS, hermes_system), VOCABULARY, 4096, (EOS,))
    with pytest.raises(InvalidRequest) as refusal:
        strange.generation(with_tools())
    assert refusal.value.where == "tools"


def test_a_model_without_an_end_follows_no_grammar() -> None:
    made = tokenizer()
    endless = Preparing(made, PromptReader(made, VOCABULARY, None), VOCABULARY, 4096)
    with pytest.raises(InvalidRequest, match="no token that ends a text"):
        endless.generation(ask(grammar=Grammar("json_object", where="response_format")))


def test_little_text_is_quick_and_what_may_take_long_is_not() -> None:
    assert MADE.is_quick(ask())
    assert MADE.is_quick(Tokenize(Prompt(messages=ASKED)))
    assert not MADE.is_quick(ask(grammar=Grammar("json_object")))
    assert not MADE.is_quick(with_tools())
    assert not MADE.is_quick(Tokenize(Prompt(text="a" * 5000)))
