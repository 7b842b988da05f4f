"""The SDKs of Anthropic and Ollama, and OpenAI's responses, against a server whose model has its own process."""

import http.client
import json
from collections.abc import Iterator

import anthropic
import ollama
import openai
import pytest

from tests.program import Program, serving

PROMPT = "Which city?"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "fake").mkdir()
    (folder / "fake" / "model.fakellm").write_text('refuse_on = "nonsense"\n')
    with serving(folder) as program:
        yield program


def test_anthropics_stream_gives_the_text_of_the_whole_answer(program: Program) -> None:
    with anthropic.Anthropic(base_url=f"http://{program.http}", api_key="none") as client:
        whole = client.messages.create(model="fake", max_tokens=9, messages=[{"role": "user", "content": PROMPT}])
        with client.messages.stream(
            model="fake", max_tokens=9, messages=[{"role": "user", "content": PROMPT}]
        ) as stream:
            text = "".join(stream.text_stream)
        counted = client.messages.count_tokens(model="fake", messages=[{"role": "user", "content": PROMPT}])
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(model="fake", max_tokens=9, messages=[{"role": "user", "content": "nonsense"}])
    assert [block.to_dict() for block in whole.content] == [{"type": "text", "text": text}]
    assert whole.usage.output_tokens == 9
    assert whole.stop_reason == "max_tokens"
    assert counted.input_tokens == whole.usage.input_tokens


def test_ollamas_stream_gives_the_text_of_the_whole_answer(program: Program) -> None:
    options = {"num_predict": 9, "temperature": 0}
    with ollama.Client(f"http://{program.http}") as client:
        whole = client.chat("fake", [{"role": "user", "content": PROMPT}], options=options)
        parts = list(client.chat("fake", [{"role": "user", "content": PROMPT}], options=options, stream=True))
        raw = client.generate("fake", PROMPT, raw=True, options=options)
        vectors = client.embed("fake", ["a", "b"])
        (listed,) = client.list().models
        with pytest.raises(ollama.ResponseError):
            client.generate("fake", "nonsense")
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert (parts[-1].eval_count, parts[-1].done_reason) == (9, "length")
    assert parts[-1].total_duration
    assert len(raw.response or "") == 9
    assert [len(vector) for vector in vectors.embeddings] == [8, 8]
    assert listed.model == "fake"


def test_a_response_is_streamed_kept_and_gone_on_from(program: Program) -> None:
    with openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none") as client:
        first = client.responses.create(model="fake", input=PROMPT, max_output_tokens=9, temperature=0)
        with client.responses.stream(model="fake", input=PROMPT, max_output_tokens=9, temperature=0) as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        following = client.responses.create(
            model="fake", input="And then?", previous_response_id=first.id, max_output_tokens=1
        )
        kept = client.responses.retrieve(first.id)
    assert first.output_text == text == kept.output_text
    assert first.usage
    assert following.usage
    assert following.usage.input_tokens > first.usage.input_tokens


def test_a_text_is_generated_as_triton_does(program: Program) -> None:
    connection = http.client.HTTPConnection(program.http, timeout=30)
    body = {"text_input": PROMPT, "parameters": {"temperature": 0, "max_tokens": 4, "ignore_eos": True}}
    connection.request("POST", "/v2/models/fake/generate", json.dumps(body))
    whole = json.loads(connection.getresponse().read())["text_output"]
    connection.request("POST", "/v2/models/fake/generate_stream", json.dumps(body))
    events = connection.getresponse().read().split(b"\n\n")[:-1]
    connection.close()
    pieces = [json.loads(event.removeprefix(b"data: "))["text_output"] for event in events]
    assert (len(pieces), PROMPT + "".join(pieces)) == (4, whole)


def test_one_path_lists_models_for_both_who_ask_for_it(program: Program) -> None:
    with anthropic.Anthropic(base_url=f"http://{program.http}", api_key="none") as claude:
        assert [(model.id, model.max_input_tokens) for model in claude.models.list()] == [("fake", 4096)]
        assert claude.models.retrieve("fake").type == "model"
    with openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none") as client:
        assert [model.id for model in client.models.list()] == ["fake"]


def test_a_parameter_that_a_language_model_does_not_know_is_refused(program: Program) -> None:
    connection = http.client.HTTPConnection(program.http, timeout=30)
    text = {"name": "text_input", "shape": [1], "datatype": "BYTES", "data": [PROMPT]}
    body = {"inputs": [text], "parameters": {"max_tokens": 2, "beams": 3}}
    connection.request("POST", "/v2/models/fake/infer", json.dumps(body))
    answer = connection.getresponse()
    error = json.loads(answer.read())["error"]
    assert answer.status == 400, error
    connection.close()
    assert "parameters.beams: is no parameter of this model; there are: n, best_of" in error


def test_more_texts_than_may_ever_wait_are_refused_by_their_field(program: Program) -> None:
    with (
        openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.completions.create(model="fake", prompt=["a"] * 200, n=100)
    assert caught.value.param == "n"
