"""Thoughts of a real model through all SDKs: SmolLM2 with a template that opens them, and tokens of its own as marks.

It was not made to think and never ends its thoughts, so that budgets have to.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import ollama
import openai
import pytest

from tests.e2e.language_clients.asked import CITY, MESSAGES, QUESTION, WEATHER
from tests.program import ANY_PORTS, ROOT, Program, serving

pytestmark = pytest.mark.slow

SMOLLM2 = ROOT / "models" / "smollm2" / "1" / "model.gguf"
MODEL = "thinker"
ASSISTANT = b"{{ '<|im_start|>assistant\n' }}"
BUDGET = 8
FORM: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
TOOL: Any = {"type": "function", "function": {"name": WEATHER, "parameters": CITY}}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    if not SMOLLM2.exists():
        pytest.skip("the demo models are not placed: see tools/place_models.py")
    folder = tmp_path_factory.mktemp("repository")
    (folder / MODEL / "1").mkdir(parents=True)
    (folder / MODEL / "model.toml").write_text('[llm]\nreasoning = "<reponame> <file_sep>"\n')
    (folder / MODEL / "1" / "model.gguf").write_bytes(opening(SMOLLM2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with serving(folder, *ANY_PORTS) as running:
            yield running
            assert running.stop() == 0


def opening(path: Path) -> bytes:
    """The file with a chat template of the same length that begins answers among thoughts."""
    content = path.read_bytes()
    begin = content.index(b"{% for message in messages %}")
    end = content.index(ASSISTANT, begin) + len(ASSISTANT)
    old = content[begin : end + len(b"{% endif %}")]
    first, told = old.index(b"{% if loop.first"), old.index(b"{{'<|im_start|>' + message")
    new = old[:first] + old[told:].replace(ASSISTANT, b"{{ '<|im_start|>assistant\n<reponame>\n' }}")
    return content.replace(old, new + b"{#" + b" " * (len(old) - len(new) - 4) + b"#}", 1)


@pytest.fixture(scope="module")
def client(program: Program) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=0) as made:
        yield made


def chat(client: openai.OpenAI, **more: Any) -> Any:
    budget = {"thinking_token_budget": BUDGET} | more.pop("extra_body", {})
    return client.chat.completions.create(
        model=MODEL, messages=MESSAGES, temperature=0, **({"max_tokens": 40} | more), extra_body=budget
    )


def test_thoughts_end_with_their_budget_and_a_stream_says_the_same(client: openai.OpenAI) -> None:
    whole = chat(client)
    message = whole.choices[0].message
    assert message.reasoning_content
    assert message.reasoning_content == message.reasoning
    assert message.content
    assert whole.usage.completion_tokens_details.reasoning_tokens == BUDGET + 1
    deltas = [chunk.choices[0].delta for chunk in chat(client, stream=True)]
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == message.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == message.content


def test_a_form_and_a_call_are_those_of_the_answer(client: openai.OpenAI) -> None:
    message = chat(client, response_format=FORM).choices[0].message
    assert message.reasoning_content
    assert set(json.loads(message.content)) == {"city"}
    called = chat(client, tools=[TOOL], tool_choice="required").choices[0].message
    assert called.reasoning_content
    assert called.tool_calls[0].function.name == WEATHER


def test_a_stop_string_in_thoughts_ends_nothing(client: openai.OpenAI) -> None:
    whole = chat(client).choices[0].message
    stop = whole.reasoning_content[:4]
    assert chat(client, stop=stop).choices[0].message.reasoning_content == whole.reasoning_content


def test_thoughts_that_never_end_leave_no_answer(client: openai.OpenAI) -> None:
    choice = chat(client, max_tokens=12, extra_body={"thinking_token_budget": 100}).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("", "length")


def test_no_effort_is_no_thoughts(client: openai.OpenAI) -> None:
    more = {"thinking_token_budget": None, "min_tokens": 5}
    message = chat(client, reasoning_effort="none", extra_body=more).choices[0].message
    assert not hasattr(message, "reasoning_content")
    assert message.content


def test_a_response_has_them_as_an_item(client: openai.OpenAI) -> None:
    asked: Any = {"model": MODEL, "input": QUESTION, "temperature": 0, "max_output_tokens": 12}
    whole = client.responses.create(**asked, reasoning={"effort": "low"})
    (item,) = whole.output
    assert item.type == "reasoning"
    assert item.content
    assert (whole.status, item.status) == ("incomplete", "incomplete")
    with client.responses.stream(**asked, reasoning={"effort": "low", "summary": "auto"}) as stream:
        deltas = [event.delta for event in stream if event.type == "response.reasoning_summary_text.delta"]
    assert "".join(deltas) == item.content[0].text


def test_anthropics_budget_ends_a_block(program: Program) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": MESSAGES,
        "max_tokens": 40,
        "extra_body": {"temperature": 0},
        "thinking": {"type": "enabled", "budget_tokens": BUDGET},
    }
    with anthropic.Anthropic(base_url=f"http://{program.http}", api_key="none", max_retries=0) as claude:
        whole = claude.messages.create(**asked)
        with claude.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
        without = claude.messages.create(**(asked | {"thinking": {"type": "disabled"}}))
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert [block.to_dict() for block in streamed.content] == [block.to_dict() for block in whole.content]
    assert "thinking" not in [block.type for block in without.content]


def test_ollama_turns_them_on_and_off(program: Program) -> None:
    options = {"temperature": 0, "num_predict": 12}
    with ollama.Client(f"http://{program.http}") as llama:
        thought = llama.chat(MODEL, MESSAGES, options=options, think=True).message
        parts = [part.message for part in llama.chat(MODEL, MESSAGES, options=options, think=True, stream=True)]
        plain = llama.chat(MODEL, MESSAGES, options=options, think=False).message
        assert "thinking" in (llama.show(MODEL).capabilities or [])
    assert thought.thinking
    assert not thought.content
    assert "".join(part.thinking or "" for part in parts) == thought.thinking
    assert not plain.thinking
