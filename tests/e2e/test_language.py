"""SmolLM2 and MiniLM behind `headrace serve`, asked by the OpenAI SDK as anyone would."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime
import openai
import pytest
from openai import OpenAI
from tokenizers import Tokenizer

from tests.program import ANY_PORTS, ROOT, Program, serving

MODELS = ROOT / "models"
TEXT_MODELS = ("smollm2", "minilm_text")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all((MODELS / name).exists() for name in (*TEXT_MODELS, "minilm")),
        reason="the demo models are not placed: see tools/place_models.py",
    ),
]

CAPITAL = [{"role": "user", "content": "Which city is the capital of France?"}]
TEXTS = ["Paris is the capital of France.", "Bananas are yellow, mostly.", "short", "a much longer text " * 30]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("repository")
    for name in TEXT_MODELS:
        (folder / name).symlink_to(MODELS / name)
    with serving(folder, *ANY_PORTS) as made:
        yield made


@pytest.fixture(scope="module")
def client(program: Program) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=0) as made:
        yield made


def chat(client: OpenAI, **more: Any) -> Any:
    given: dict[str, Any] = {"messages": CAPITAL, "temperature": 0} | more
    return client.chat.completions.create(model="smollm2", **given)


def test_a_question_is_answered(client: OpenAI) -> None:
    answer = chat(client, max_tokens=60).choices[0]
    assert "Paris" in answer.message.content
    assert answer.finish_reason == "stop"


def test_a_stream_is_the_whole_answer_in_pieces(client: OpenAI) -> None:
    whole = chat(client, max_tokens=60).choices[0].message.content
    chunks = list(chat(client, max_tokens=60, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
    assert len(chunks) > 5
    assert chunks[-1].usage.completion_tokens > 5


def test_each_of_a_crowd_is_answered_as_if_it_were_alone(client: OpenAI) -> None:
    prompts = [
        f"{number} facts about the number {number} and its friends are" * (number % 4 + 1) for number in range(16)
    ]

    def ask(prompt: str) -> str:
        made = client.completions.create(model="smollm2", prompt=prompt, max_tokens=24, temperature=0)
        return made.choices[0].text

    alone = [ask(prompt) for prompt in prompts]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(ask, prompts)) == alone


def test_the_same_seed_gives_the_same_text(client: OpenAI) -> None:
    texts = [chat(client, temperature=1, seed=seed, max_tokens=20).choices[0].message.content for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_a_prompt_is_echoed_with_its_log_probabilities(client: OpenAI) -> None:
    made = client.completions.create(model="smollm2", prompt="Once upon a time", max_tokens=2, echo=True, logprobs=1)
    choice = made.choices[0]
    assert choice.text.startswith("Once upon a time")
    assert choice.logprobs is not None and choice.logprobs.token_logprobs is not None
    assert choice.logprobs.token_logprobs[0] is None
    assert len(choice.logprobs.token_logprobs) == 6


def test_a_schema_is_followed(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "large": {"type": "boolean"}},
        "required": ["city", "large"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    answer = chat(client, response_format=form, max_tokens=60).choices[0].message.content
    assert set(json.loads(answer)) == {"city", "large"}


def test_a_tool_is_called(client: OpenAI) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
    tool = {
        "type": "function",
        "function": {"name": "weather", "parameters": {**schema, "additionalProperties": False}},
    }
    choice = {"type": "function", "function": {"name": "weather"}}
    answer = chat(client, tools=[tool], tool_choice=choice, parallel_tool_calls=False, max_tokens=80).choices[0]
    (call,) = answer.message.tool_calls
    assert call.function.name == "weather"
    assert set(json.loads(call.function.arguments)) == {"city"}


def test_a_prompt_over_the_context_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.completions.create(model="smollm2", prompt="word " * 9000, max_tokens=1)
    assert refusal.value.param == "prompt"


def reference(texts: list[str]) -> Any:
    """What sentence-transformers computes: the mean over the tokens' states, brought to length 1."""
    tokenizer = Tokenizer.from_file(str(MODELS / "minilm" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    session = onnxruntime.InferenceSession(MODELS / "minilm" / "1" / "model.onnx")
    rows = []
    for encoding in tokenizer.encode_batch(texts):
        ids = np.array([encoding.ids])
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = np.asarray(session.run(None, feed)[0])[0].mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.array(rows)


def test_embeddings_are_those_of_sentence_transformers(client: OpenAI) -> None:
    found = client.embeddings.create(model="minilm_text", input=TEXTS, encoding_format="float")
    vectors = np.array([each.embedding for each in found.data])
    assert (vectors * reference(TEXTS)).sum(axis=1).min() > 0.9999
    packed = client.embeddings.create(model="minilm_text", input=TEXTS, encoding_format="base64", dimensions=64)
    cut = np.frombuffer(base64.b64decode(str(packed.data[0].embedding)), "<f4")
    assert cut @ vectors[0, :64] / np.linalg.norm(vectors[0, :64]) == pytest.approx(1, abs=1e-5)


def test_each_model_says_what_it_does_not_do(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="smollm2", input="a")
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="minilm_text", prompt="a")
