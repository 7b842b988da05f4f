"""A language model asked by tensors, in the words of Triton's vLLM backend."""

from collections.abc import Mapping

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import from_array, to_array
from headrace.errors import InvalidRequest
from headrace.generation import (
    Delta,
    Embed,
    Embedded,
    Generate,
    Generated,
    GenerationDefaults,
    LanguageFacts,
    Sampling,
    Usage,
)
from headrace.llm.text_tensors import TextRequest, language_signature
from headrace.types import FREE, ModelRef, Parameter, Request, Tensor

WRITER = LanguageFacts("llama", ("generate", "embed"), 100, 100, 0, "f32", True)
ENCODER = LanguageFacts("bert", ("embed",), 100, 100, 0, "f32", False, embedding=2)


def text(name: str, *values: str | bytes) -> Tensor:
    return from_array(name, np.array(values, object), "BYTES")


def flag(name: str, value: bool) -> Tensor:
    return from_array(name, np.array([value]))


def asked(
    *inputs: Tensor, parameters: Mapping[str, Parameter] | None = None, facts: LanguageFacts = WRITER
) -> TextRequest:
    request = Request("id", ModelRef("m"), inputs, (), parameters or {})
    return TextRequest(request, language_signature(facts))


def generate(*inputs: Tensor, parameters: Mapping[str, Parameter] | None = None) -> Generate:
    ask = asked(text("text_input", "Hi"), *inputs, parameters=parameters).ask
    assert isinstance(ask, Generate)
    return ask


def test_a_text_alone_is_continued_behind_itself_by_sixteen_tokens() -> None:
    ask = generate()
    assert (ask.prompt.text, ask.echo, ask.stream, ask.sampling.max_tokens) == ("Hi", True, False, 16)


def test_a_stream_has_only_what_is_new() -> None:
    ask = generate(flag("stream", True))
    assert (ask.echo, ask.stream) == (False, True)


def test_sampling_parameters_are_json_whose_numbers_may_be_text() -> None:
    said = '{"temperature": "0.5", "top_k": -1, "stop": "x", "stop_token_ids": [7], "logit_bias": {"3": 1}}'
    sampling = generate(text("sampling_parameters", said)).sampling
    assert (sampling.temperature, sampling.top_k, sampling.stop) == (0.5, 0, ("x",))
    assert (sampling.stop_ids, sampling.logit_bias) == ((7,), {3: 1.0})


def test_tokens_may_be_allowed_and_words_forbidden() -> None:
    said = '{"allowed_token_ids": [7, 8], "bad_words": ["no"]}'
    sampling = generate(text("sampling_parameters", said)).sampling
    assert (sampling.allowed_ids, sampling.bad_words) == ((7, 8), ("no",))


def test_sampling_parameters_that_are_left_out_are_as_the_model_recommends() -> None:
    facts = msgspec.structs.replace(WRITER, defaults=GenerationDefaults(0.7, 20, 0.8, 0.05, 1.05, 99))
    ask = asked(text("text_input", "Hi"), facts=facts).ask
    assert isinstance(ask, Generate)
    assert ask.sampling == Sampling(0.7, 20, 0.8, 0.05, repetition_penalty=1.05, max_tokens=16)
    said = '{"temperature": 1, "top_k": -1, "top_p": 1, "min_p": 0, "repetition_penalty": 1}'
    own = asked(text("text_input", "Hi"), text("sampling_parameters", said), facts=facts).ask
    assert isinstance(own, Generate)
    assert own.sampling == Sampling(max_tokens=16)


def test_sampling_parameters_may_be_the_requests_own() -> None:
    ask = generate(parameters={"temperature": 0, "max_tokens": 3, "triton_enable_empty_final_response": True})
    assert (ask.sampling.temperature, ask.sampling.max_tokens) == (0.0, 3)


@pytest.mark.parametrize(
    ("inputs", "where"),
    [
        ([], "inputs"),
        ([text("text", "Hi")], "inputs[0].name"),
        ([text("text_input", "a"), text("text_input", "b")], "inputs[1].name"),
        ([text("text_input", "a", "b")], "inputs[0].shape"),
        ([from_array("text_input", np.zeros(1, np.float32))], "inputs[0].datatype"),
        ([text("text_input", b"\xff")], "text_input"),
        ([text("text_input", "a"), text("sampling_parameters", "[]")], "sampling_parameters"),
        ([text("text_input", "a"), text("sampling_parameters", '{"top_p": 2}')], "sampling_parameters.top_p"),
        ([text("text_input", "a"), text("sampling_parameters", '{"beams": 2}')], "sampling_parameters.beams"),
        (
            [text("text_input", "a"), text("sampling_parameters", '{"allowed_token_ids": []}')],
            "sampling_parameters.allowed_token_ids",
        ),
        ([text("text_input", "a"), text("sampling_parameters", f'{{"seed": {1 << 70}}}')], "sampling_parameters.seed"),
        (
            [text("text_input", "a"), flag("stream", True), flag("exclude_input_in_output", False)],
            "exclude_input_in_output",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(inputs: list[Tensor], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(*inputs)
    assert caught.value.where == where


@pytest.mark.parametrize(("facts", "known"), [(WRITER, "temperature"), (ENCODER, "none")])
def test_a_parameter_that_is_not_known_is_refused_with_those_that_are(facts: LanguageFacts, known: str) -> None:
    with pytest.raises(InvalidRequest, match=known) as caught:
        asked(text("text_input", "a"), parameters={"beams": 2}, facts=facts)
    assert caught.value.where == "parameters.beams"


def test_so_is_one_of_the_sampling_parameters_and_their_faults_are_told_in_words() -> None:
    with pytest.raises(InvalidRequest, match=r"^sampling_parameters\.beams: .*; there are: n, best_of, temperature, "):
        asked(text("text_input", "a"), text("sampling_parameters", '{"beams": 2}'))
    with pytest.raises(InvalidRequest, match=r"^sampling_parameters\.top_p: must be at most 1$"):
        asked(text("text_input", "a"), text("sampling_parameters", '{"top_p": 2}'))


def test_an_answer_has_a_text_for_each_choice() -> None:
    request = asked(text("text_input", "Hi"), parameters={"n": 2})
    (output,) = request.outputs(Generated((Delta(1, "b"), Delta(1, "c")), Usage(1, 2)))
    assert to_array(output).tolist() == [b"", b"bc"]


def test_an_encoder_answers_with_a_vector_for_each_text() -> None:
    request = asked(text("text_input", "a", "b"), facts=ENCODER)
    assert request.ask == Embed(("a", "b"), where="text_input")
    vectors = np.arange(4, dtype="<f4")
    (output,) = request.outputs(Embedded(vectors.tobytes(), 2, 2))
    assert to_array(output).tolist() == [[0, 1], [2, 3]]


def test_the_signature_says_what_is_taken() -> None:
    signature = language_signature(WRITER)
    assert [spec.name for spec in signature.inputs if not spec.optional] == ["text_input"]
    assert language_signature(ENCODER).outputs[0].shape == (FREE, 2)


def test_a_model_that_only_scores_takes_no_tensors() -> None:
    scorer = LanguageFacts("bert", ("score",), 100, 100, 0, "f32", False)
    with pytest.raises(InvalidRequest, match="takes no tensors"):
        asked(text("text_input", "a"), facts=scorer)


@given(st.text(max_size=60))
def test_any_sampling_parameters_are_taken_or_refused(said: str) -> None:
    try:
        generate(text("sampling_parameters", said.encode("utf-8", "replace")))
    except InvalidRequest:
        pass
