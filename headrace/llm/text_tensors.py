"""A language model asked by tensors: `text_input` in, `text_output` out, as Triton's vLLM backend names them.

Inputs besides the text are `stream`, `sampling_parameters` (a JSON object, as text) and `exclude_input_in_output`;
sampling parameters may come as the request's own parameters too. A model that only embeds answers with `embedding`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from headrace import __version__
from headrace.arrays import from_array, to_array
from headrace.errors import InvalidRequest
from headrace.generation import (
    MAX_ALLOWED_TOKENS,
    MAX_BAD_WORDS,
    Ask,
    Embed,
    Embedded,
    Generate,
    Generated,
    GenerationDefaults,
    LanguageFacts,
    Prompt,
    Result,
    Sampling,
)
from headrace.type_faults import in_words
from headrace.types import FREE, BatchAxis, Request, Signature, Tensor, TensorSpec

_OF_THE_PROTOCOL = ("triton_enable_empty_final_response",)
"""What a request may say besides, to whoever carries the answer."""

TEXT, STREAM, PARAMETERS, EXCLUDE = "text_input", "stream", "sampling_parameters", "exclude_input_in_output"

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]


class TextSampling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """vLLM's SamplingParams, those that a text alone can answer; defaults are vLLM's, None is what the model says."""

    n: Annotated[int, Meta(ge=1, le=128)] = 1
    best_of: Annotated[int, Meta(ge=1, le=128)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None  # 0 and -1: all
    min_p: Share | None = None
    presence_penalty: Penalty = 0.0
    frequency_penalty: Penalty = 0.0
    repetition_penalty: Annotated[float, Meta(ge=0.01, le=100)] | None = None
    logit_bias: dict[Count, Annotated[float, Meta(ge=-100, le=100)]] = {}
    allowed_token_ids: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=MAX_ALLOWED_TOKENS)] | None = None
    bad_words: Annotated[tuple[str, ...], Meta(max_length=MAX_BAD_WORDS)] = ()
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = 16
    min_tokens: Count = 0
    stop: str | Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    stop_token_ids: Annotated[tuple[Count, ...], Meta(max_length=256)] = ()
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    skip_special_tokens: bool = True

    def sampling(self, defaults: GenerationDefaults) -> Sampling:
        unset = defaults.over(Sampling())
        return Sampling(
            temperature=unset.temperature if self.temperature is None else self.temperature,
            top_k=unset.top_k if self.top_k is None else max(0, self.top_k),
            top_p=unset.top_p if self.top_p is None else self.top_p,
            min_p=unset.min_p if self.min_p is None else self.min_p,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            repetition_penalty=(
                unset.repetition_penalty if self.repetition_penalty is None else self.repetition_penalty
            ),
            logit_bias=self.logit_bias,
            allowed_ids=self.allowed_token_ids,
            bad_words=self.bad_words,
            seed=self.seed,
            max_tokens=self.max_tokens,
            min_tokens=self.min_tokens,
            stop=(self.stop,) if isinstance(self.stop, str) else self.stop,
            stop_ids=self.stop_token_ids,
            include_stop=self.include_stop_str_in_output,
            ignore_eos=self.ignore_eos,
            skip_special_tokens=self.skip_special_tokens,
        )


def language_signature(facts: LanguageFacts) -> Signature:
    """What a language model takes and gives where it is asked by tensors."""
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    if "generate" in facts.tasks:
        inputs = (
            TensorSpec(TEXT, "BYTES", (1,)),
            TensorSpec(STREAM, "BOOL", (1,), optional=True),
            TensorSpec(PARAMETERS, "BYTES", (1,), optional=True),
            TensorSpec(EXCLUDE, "BOOL", (1,), optional=True),
        )
        outputs = (TensorSpec("text_output", "BYTES", (FREE,)),)
    elif "embed" in facts.tasks:
        inputs = (TensorSpec(TEXT, "BYTES", (FREE,)),)
        outputs = (TensorSpec("embedding", "FP32", (FREE, facts.embedding or FREE)),)
    axis = BatchAxis(False, why="sequences join the engine's steps by themselves")
    return Signature(inputs, outputs, axis, "headrace_llm", f"llm {__version__}", facts)


class TextRequest:
    """A request for tensors as an ask, and the tensors of each answer to it."""

    def __init__(self, request: Request, signature: Signature) -> None:
        """Raises InvalidRequest with the path of the field at fault."""
        given = _given(request, signature)
        self._choices = 1
        if signature.language and "generate" in signature.language.tasks:
            self.ask: Ask = self._generate(given, request.parameters, signature.language.defaults)
        else:
            _check_names(request.parameters, _OF_THE_PROTOCOL)
            self.ask = Embed(tuple(_texts(given[TEXT])), where=TEXT)

    def outputs(self, result: Result) -> tuple[Tensor, ...]:
        """One text for each choice, empty where a streamed answer has no news of it; or one vector for each text."""
        if isinstance(result, Generated):
            texts = [""] * self._choices
            for delta in result.deltas:
                texts[delta.index] += delta.text
            return (from_array("text_output", np.array([text.encode() for text in texts], object), "BYTES"),)
        if isinstance(result, Embedded):
            return (from_array("embedding", np.frombuffer(result.vectors, "<f4").reshape(-1, result.dimensions)),)
        return ()

    def _generate(
        self, given: Mapping[str, Tensor], parameters: Mapping[str, object], defaults: GenerationDefaults
    ) -> Generate:
        stream = _flag(given.get(STREAM), False)
        exclude = _flag(given.get(EXCLUDE), stream)
        if stream and not exclude:
            raise InvalidRequest("false goes with one answer in all; leave it out where stream is true", EXCLUDE)
        said = _sampling(given.get(PARAMETERS), parameters)
        self._choices = said.n
        (text,) = _texts(given[TEXT])
        prompt = Prompt(text=text, where=TEXT)
        return Generate(prompt, said.sampling(defaults), said.n, said.best_of, echo=not exclude, stream=stream)


def _given(request: Request, signature: Signature) -> dict[str, Tensor]:
    """The inputs by name, each of the datatype and number of elements that the signature says."""
    if not signature.inputs:
        raise InvalidRequest("is a language model that takes no tensors; ask it over the OpenAI API", "model")
    specs = {spec.name: spec for spec in signature.inputs}
    given: dict[str, Tensor] = {}
    for index, tensor in enumerate(request.inputs):
        where = f"inputs[{index}]"
        spec = specs.get(tensor.name)
        if spec is None or tensor.name in given:
            fault = "is given twice" if spec else f"is no input of the model; it has: {', '.join(specs)}"
            raise InvalidRequest(f"{tensor.name!r} {fault}", f"{where}.name")
        if tensor.datatype != spec.datatype:
            raise InvalidRequest(f"says {tensor.datatype}; {tensor.name} is {spec.datatype}", f"{where}.datatype")
        elements = int(np.prod(tensor.shape))
        if elements != 1 and spec.shape == (1,):
            raise InvalidRequest(f"{tensor.name} takes one element, not {elements}", f"{where}.shape")
        if not elements:
            raise InvalidRequest(f"{tensor.name} holds no element; give at least one", f"{where}.shape")
        given[tensor.name] = tensor
    if TEXT not in given:
        raise InvalidRequest(f"a language model needs the input {TEXT!r}", "inputs")
    names = {spec.name for spec in signature.outputs}
    for index, name in enumerate(request.outputs):
        if name not in names:
            raise InvalidRequest(f"{name!r} is no output; it has: {', '.join(names)}", f"outputs[{index}].name")
    return given


def _sampling(tensor: Tensor | None, parameters: Mapping[str, object]) -> TextSampling:
    """From the JSON object, or the request's own parameters."""
    known = [field.name for field in msgspec.structs.fields(TextSampling)]
    _check_names(parameters, (*known, *_OF_THE_PROTOCOL))
    said: dict[str, Any] = {name: value for name, value in parameters.items() if name in known}
    where = "parameters"
    if tensor is not None:
        where = PARAMETERS
        try:
            inner = msgspec.json.decode(_texts(tensor)[0] or "{}", type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidRequest(f"is not a JSON object: {in_words(str(error))}", where) from None
        _check_names(inner, known, where)
        said |= inner
    try:
        return msgspec.convert(said, TextSampling, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRequest(in_words(message), where + path.rstrip("`")) from None


def _check_names(parameters: Mapping[str, object], known: Sequence[str], where: str = "parameters") -> None:
    for name in parameters:
        if name not in known:
            own = [each for each in known if each not in _OF_THE_PROTOCOL]
            there_are = f"there are: {', '.join(own)}" if own else "there are none"
            raise InvalidRequest(f"is no parameter of this model; {there_are}", f"{where}.{name[:64]}")


def _texts(tensor: Tensor) -> list[str]:
    try:
        return [bytes(element).decode() for element in to_array(tensor).ravel().tolist()]
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"is not UTF-8 at byte {error.start}", tensor.name) from None


def _flag(tensor: Tensor | None, default: bool) -> bool:
    return default if tensor is None else bool(to_array(tensor).ravel()[0])
