"""The OpenAI SDK against a real server, whose language model answers from a process of its own."""

from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from tests.program import serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "fake").mkdir()
    (folder / "fake" / "model.fakellm").write_text('refuse_on = "nonsense"\n')
    with serving(folder) as program, openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none") as client:
        yield client


def test_a_stream_gives_the_text_of_the_whole_answer(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Which city?"}]
    whole = client.chat.completions.create(model="fake", messages=messages, max_tokens=9)
    with client.chat.completions.create(
        model="fake", messages=messages, max_tokens=9, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert last.usage == whole.usage
    assert last.usage
    assert last.usage.completion_tokens == 9


def test_a_completion_is_made(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="fake", prompt=["a", "b"], max_tokens=3, echo=True)
    assert [choice.text[0] for choice in answer.choices] == ["a", "b"]


def test_texts_have_vectors(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="fake", input=["a", "b"])
    assert [len(each.embedding) for each in answer.data] == [8, 8]


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["fake"]


def test_what_the_model_refuses_is_an_error_of_the_sdks(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="fake", prompt="nonsense")
