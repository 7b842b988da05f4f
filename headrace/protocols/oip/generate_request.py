"""The body of Triton's generate extension, for language models: every field honoured, or refused by its name."""

import re

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Generate, LanguageFacts, Prompt
from headrace.protocols.json_body import decode
from headrace.protocols.openai.sampling import MAX_CHOICES, SharedFields, check_shared, sampling
from headrace.protocols.ranges import in_range
from headrace.protocols.strict_body import Body, Reader, refuse_unless_absent

DEFAULT_MAX_TOKENS = 16


class Parameters(Body, frozen=True, kw_only=True):
    """What may stand beside the text, or under `parameters`: vLLM's words, then those of TensorRT-LLM."""

    stream: bool | None = None
    exclude_input_in_output: bool | None = None
    priority: int | None = None
    n: int | None = None
    best_of: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    allowed_token_ids: list[int] | None = None
    bad_words: str | list[str] | None = None
    seed: int | None = None
    max_tokens: int | None = None
    min_tokens: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    include_stop_str_in_output: bool | None = None
    ignore_eos: bool | None = None
    skip_special_tokens: bool | None = None
    stop_words: str | list[str] | None = None
    random_seed: int | None = None
    min_length: int | None = None
    beam_width: int | None = None
    end_id: int | None = None
    pad_id: int | None = None  # without effect: no text is padded


class GenerateBody(Parameters, frozen=True, kw_only=True):
    text_input: str
    id: str | None = None
    parameters: Parameters | None = None
    sampling_parameters: str | Parameters | None = None  # as text, the way the tensor of that name has it


read_generate = Reader(GenerateBody)
_TEXT = msgspec.json.Decoder(Parameters)
_NAME = re.compile(r"\w+")
_SAME_AS = {"stop_words": "stop", "random_seed": "seed", "min_length": "min_tokens"}


def generate_ask(body: GenerateBody, facts: LanguageFacts, stream: bool) -> tuple[Generate, int | None]:
    """What a body asks of the model, and its priority; `stream` is whether there is room for more than one answer.

    Raises InvalidRequest with the path of the field that is wrong or refused, or that is said twice.
    """
    said, places = _joined(body)
    try:
        return _asked(body, said, facts, stream)
    except InvalidRequest as error:
        error.where = _as_said(error.where, places)
        raise


def _asked(body: GenerateBody, said: Parameters, facts: LanguageFacts, stream: bool) -> tuple[Generate, int | None]:
    streams = stream and said.stream is not False
    if said.stream and not stream:
        raise InvalidRequest("there is room for one answer here; ask generate_stream", "stream")
    if streams and said.exclude_input_in_output is False:
        raise InvalidRequest("false goes with one answer in all; leave it out", "exclude_input_in_output")
    refuse_unless_absent(
        {
            "beam_width": (None if said.beam_width == 1 else said.beam_width, "beam search is not offered; must be 1"),
        }
    )
    in_range(said.end_id, "end_id", 0, facts.vocabulary - 1)
    shared = _shared(said)
    check_shared(shared)
    n = 1 if said.n is None else said.n
    best_of = in_range(said.best_of, "best_of", n, MAX_CHOICES)
    if best_of is not None and best_of > n and streams:
        raise InvalidRequest("cannot be streamed: the best is known at the end", "best_of")
    max_tokens = DEFAULT_MAX_TOKENS if said.max_tokens is None else in_range(said.max_tokens, "max_tokens", 1)
    echo = not (streams or said.exclude_input_in_output)
    prompt = Prompt(text=body.text_input, where="text_input")
    ask = Generate(prompt, sampling(shared, facts, max_tokens, None), n, best_of, echo=echo, stream=streams)
    return ask, said.priority


def _joined(body: GenerateBody) -> tuple[Parameters, dict[str, str]]:
    """What is said beside the text and under the other two, each field once, under vLLM's name; and their places."""
    given = body.sampling_parameters
    inner = decode(_TEXT, given.encode() or b"{}", "sampling_parameters") if isinstance(given, str) else given
    found: dict[str, object] = {}
    places: dict[str, str] = {}
    for said, at in ((body, ""), (body.parameters, "parameters."), (inner, "sampling_parameters.")):
        if said is None:
            continue
        for name in Parameters.__struct_fields__:
            value = getattr(said, name)
            if name in ("stop_words", "bad_words"):
                value = _without_empty(value)
            if value is None:
                continue
            known = _SAME_AS.get(name, name)
            if known in found:
                raise InvalidRequest("is said twice", f"{at}{name}")
            found[known], places[known] = value, f"{at}{name}"
    return Parameters(**found), places  # type: ignore[arg-type]


def _without_empty(words: str | list[str] | None) -> str | list[str] | None:
    """Clients of TensorRT-LLM send an empty text where there are none."""
    return (words if isinstance(words, str) else [word for word in words or () if word]) or None


def _as_said(where: str, places: dict[str, str]) -> str:
    """The path of a field under the name, and in the place, that the client gave it."""
    name = _NAME.match(where)
    return where if name is None else places.get(name[0], name[0]) + where[name.end() :]


def _shared(said: Parameters) -> SharedFields:
    """The end of TensorRT-LLM is one more token that the text stops at."""
    names = set(SharedFields.__struct_fields__) & set(Parameters.__struct_fields__) - {"stream"}
    given = {name: getattr(said, name) for name in names}
    if isinstance(said.bad_words, str):
        given["bad_words"] = [said.bad_words]
    if said.end_id is not None:
        given["stop_token_ids"] = [*(said.stop_token_ids or ()), said.end_id]
    return SharedFields(**given)
