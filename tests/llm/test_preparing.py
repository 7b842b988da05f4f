"""What is asked is checked against the model, and made ready to be computed."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Detokenize, Generate, Grammar, Prompt, Sampling, Thinking, Tokenize, ToolChoice
from headrace.llm.preparing import Prepared, Preparing
from headrace.llm.prompt import PromptReader
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tool_calls import HERMES, hermes_system
from headrace.weights.checkpoint import Templates
from tests.llm.engines import EOS, TEMPLATE, preparing, tokenizer
from tests.llm.thinking import OPENING, SWITCHED, TOKENIZER, thinking_preparing

VOCABULARY = tokenizer().vocabulary
FUNCTION = {"name": "look", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}
ASKED = ({"role": "user", "content": "What is there?"},)
MADE = preparing(VOCABULARY)


def ask(**more: Any) -> Generate:
    return Generate(Prompt(text="The model answers."), **more)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (ask(sampling=Sampling(stop=("a",) * 65)), "stop"),
        (ask(sampling=Sampling(stop_ids=(1, VOCABULARY))), "stop_token_ids[1]"),
        (ask(sampling=Sampling(allowed_ids=(1, VOCABULARY))), "allowed_token_ids[1]"),
        (ask(sampling=Sampling(bad_words=("a", " "))), "bad_words[1]"),
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


def test_nothing_is_forbidden_that_no_rule_forbids() -> None:
    assert MADE.generation(ask()).forbidden is None
    assert MADE.generation(ask(sampling=Sampling(bad_words=("a",)))).forbidden is not None


def test_many_words_are_spelt_aside() -> None:
    few, many = (ask(sampling=Sampling(bad_words=("word",) * count)) for count in (4, 1000))
    assert (MADE.is_quick(few), MADE.is_quick(many)) == (True, False)


def test_the_text_of_tokens_is_echoed() -> None:
    ids = tuple(MADE.tokenizer.encode("The server"))
    assert MADE.generation(Generate(Prompt(token_ids=ids), echo=True)).echo == "The server"
    assert MADE.generation(Generate(Prompt(token_ids=ids))).echo == ""


def test_special_tokens_are_echoed_as_a_text_that_has_them_is() -> None:
    """What `tokens` and `text_offset` count of a prompt stands in its text."""
    made = MADE.tokenizer
    ids = (EOS, *made.encode("The server"), EOS)
    text = f"{made.token(EOS)}The server{made.token(EOS)}"
    assert MADE.generation(Generate(Prompt(token_ids=ids), echo=True)).echo == text
    assert MADE.generation(Generate(Prompt(text=text), echo=True)).echo == text


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


JSON = Grammar("json_object", where="response_format")


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("named", "look")])
def test_a_form_of_the_text_says_nothing_of_an_answer_of_calls_alone(choice: ToolChoice) -> None:
    called = MADE.generation(with_tools(tool_choice=choice)).matcher
    both = MADE.generation(msgspec.structs.replace(with_tools(tool_choice=choice), grammar=JSON)).matcher
    assert called and both
    assert both.forced() == called.forced() != []


def test_a_form_of_the_text_and_one_of_calls_in_it_cannot_both_be_enforced() -> None:
    strict = {"type": "function", "function": {**FUNCTION, "strict": True}}
    with pytest.raises(InvalidRequest) as refusal:
        MADE.generation(Generate(Prompt(messages=ASKED, tools=(strict,)), grammar=Grammar("regex", "a+", "regex")))
    assert refusal.value.where == "regex"


@pytest.mark.parametrize("text", ['<tool_call>{"name": "look", "arguments": {}}</tool_call>', "{}"])
def test_tools_may_be_called_beside_a_form_of_the_answer(text: str) -> None:
    matcher = MADE.generation(Generate(Prompt(messages=ASKED, tools=(TOOL,)), grammar=JSON)).matcher
    assert matcher is not None
    token_ids = MADE.tokenizer.encode(text, add_special=False)
    assert matcher.accept(token_ids) == len(token_ids)


def test_calls_in_a_form_that_is_not_read_are_refused() -> None:
    template = TEMPLATE + "{% for tool in tools %}<function={{ tool.name }}>{% endfor %}"
    made = tokenizer()
    reader = PromptReader(made, VOCABULARY, Templates(template), 1, EOS, hermes_system)
    strange = Preparing(made, reader, VOCABULARY, 4096, (EOS,))
    with pytest.raises(InvalidRequest) as refusal:
        strange.generation(with_tools())
    assert refusal.value.where == "tools"


def test_a_model_without_an_end_follows_no_grammar() -> None:
    made = tokenizer()
    endless = Preparing(made, PromptReader(made, VOCABULARY, Templates()), VOCABULARY, 4096)
    with pytest.raises(InvalidRequest, match="no token that ends a text"):
        endless.generation(ask(grammar=Grammar("json_object", where="response_format")))


def test_little_text_is_quick_and_what_may_take_long_is_not() -> None:
    assert MADE.is_quick(ask())
    assert MADE.is_quick(Tokenize(Prompt(messages=ASKED)))
    assert not MADE.is_quick(ask(grammar=Grammar("json_object")))
    assert not MADE.is_quick(with_tools())
    assert not MADE.is_quick(Tokenize(Prompt(text="a" * 5000)))


def thinking(template: str, tokenizer: Tokenizer = TOKENIZER, **more: Any) -> Prepared:
    """What is made ready of a question, where the model thinks; `thinking` and `grammar` may be given."""
    prompt = Prompt(messages=ASKED, thinking=more.pop("thinking", Thinking()))
    return thinking_preparing(template, tokenizer).generation(Generate(prompt, **more))


def test_an_answer_begins_with_thoughts_or_among_them_as_its_template_has_it() -> None:
    for template, stage in ((OPENING, "inside"), (SWITCHED, "before")):
        thinks = thinking(template).thinks
        assert thinks is not None
        assert (thinks.stage, thinks.marks.are_tokens) == (stage, True)


@pytest.mark.parametrize("template", [OPENING, SWITCHED])
def test_thinking_is_turned_off_whether_the_template_can_or_not(template: str) -> None:
    made = thinking(template, thinking=Thinking(False))
    assert made.thinks is None
    assert TOKENIZER.decode(made.prompt_ids).endswith("assistant: <think>\n\n</think>\n\n")


def test_texts_and_models_without_thoughts_have_none() -> None:
    assert thinking_preparing(OPENING).generation(ask()).thinks is None
    assert thinking_preparing(OPENING, setting="off").generation(Generate(Prompt(messages=ASKED))).thinks is None


def test_a_form_after_thoughts_and_a_limit_of_them_need_marks_that_are_tokens() -> None:
    form = Grammar("regex", "a+", "response_format")
    assert thinking(OPENING, grammar=form).thinks
    why = "</think>, which ends its thoughts, is more than one token of its vocabulary"
    for more, where, what, instead in (
        ({"grammar": form}, "response_format", "cannot be kept to behind the thoughts", "turn thinking off"),
        (
            {"thinking": Thinking(max_tokens=5, where="thinking.budget_tokens")},
            "thinking.budget_tokens",
            "cannot be kept by this model",
            "let it think without a limit, or turn thinking off",
        ),
    ):
        with pytest.raises(InvalidRequest, match=f"{what}.*: {why}; {instead}$") as refusal:
            thinking(OPENING, tokenizer(), **more)
        assert refusal.value.where == where
    assert thinking(SWITCHED, tokenizer(), grammar=form).thinks is None


def test_a_request_may_allow_less_than_the_context() -> None:
    long = Prompt(token_ids=(5,) * 10)
    assert MADE.generation(Generate(long, max_context=16)).max_tokens == 6
    assert MADE.generation(Generate(long, Sampling(max_tokens=3), max_context=16)).max_tokens == 3
    with pytest.raises(InvalidRequest) as refusal:
        MADE.generation(Generate(long, max_context=10))
    assert refusal.value.where == "prompt"


def test_a_text_that_is_certain_to_be_too_long_is_refused_and_still_counted() -> None:
    endless = Prompt(text="The model answers. " * 10_000)
    with pytest.raises(InvalidRequest, match="at least"):
        MADE.generation(Generate(endless))
    assert len(MADE.tokenized(Tokenize(endless)).token_ids) > 4096
    cut = Prompt(text=endless.text, truncate_to=50)
    assert len(MADE.generation(Generate(cut)).prompt_ids) == 50


def test_a_long_message_is_not_quick_to_read() -> None:
    assert MADE.is_quick(Generate(Prompt(messages=ASKED)))
    assert not MADE.is_quick(Generate(Prompt(messages=({"role": "user", "content": "a" * 5000},))))
