"""What is asked of a language model and what it answers: values that cross a folder's border and the worker's channel.

Every front end that speaks to language models makes one of the `Ask`s; whatever answers makes the `Result` of the same
kind. None of them knows a wire format, and none of them knows a tokenizer: text goes down, text comes up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

MAX_TEXTS = 4096
"""That may wait for one model, and so that one request may ask for together."""

MAX_STOPS = 64
MAX_STOP_CHARACTERS = 1_024  # of one stop string
MAX_ALLOWED_TOKENS = 16_384
MAX_BAD_WORDS = 1_024
MAX_BAD_CHARACTERS = 16_384  # of all bad words together
"""What one request may ask for: the front ends refuse more, and so does the engine."""

FinishReason = Literal["stop", "length", "tool_calls"]


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the next token is chosen, and when to stop. Checked by whoever made it: inside, it is valid."""

    temperature: float = 1.0  # 0: greedy
    top_k: int = 0  # 0: all
    top_p: float = 1.0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = {}  # by token id
    seed: int | None = None  # same seed, same text, whatever shares the batch
    max_tokens: int | None = None  # None: as many as the context holds
    min_tokens: int = 0
    stop: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] = ()
    include_stop: bool = False  # whether the text keeps the stop string that ended it
    ignore_eos: bool = False
    skip_special_tokens: bool = True
    logprobs: int | None = None  # how many alternatives a token is told with; 0: only its own; None: nothing
    prompt_logprobs: int | None = None  # the same for the tokens of the prompt
    penalty_window: int | None = None  # tokens that penalties look at, the prompt's too; None: as `penalties.py` says
    allowed_ids: tuple[int, ...] | None = None  # the only tokens that may come; None: all
    bad_words: tuple[str, ...] = ()  # that must not come, as `bad_words.py` spells them


class GenerationDefaults(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model's own files recommend where a request leaves a field out; None: nothing."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None

    def said(self) -> dict[str, float]:
        """Those that are recommended, by their names in `Sampling`."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}

    def over(self, own: Sampling) -> Sampling:
        """What holds where a request says nothing: of `own`, which is the dialect's, what the model does not say."""
        return msgspec.structs.replace(own, **self.said())


class Grammar(msgspec.Struct, frozen=True):
    """What the text must be; `source` is a JSON schema, a regular expression, a JSON list of choices, Lark or GBNF."""

    kind: Literal["json_object", "json_schema", "regex", "choice", "lark"]
    source: str = ""
    where: str = ""  # the field that it came in, for what is wrong with it


class ToolChoice(msgspec.Struct, frozen=True):
    """Whether tools are called: as the model likes, never, at least one, or the one named."""

    kind: Literal["auto", "none", "required", "named"] = "auto"
    name: str = ""
    parallel: bool = True

    @property
    def forced(self) -> bool:
        """Whether the answer is calls alone, so that there is no text that a grammar could be for."""
        return self.kind in ("required", "named")


class Thinking(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the model thinks before it answers, how hard, and how long at most."""

    on: bool | None = None  # None: as its chat template has it
    effort: str = ""  # a word for templates that know it
    max_tokens: int | None = None  # thoughts that are longer are cut off, and the answer begins
    where: str = ""  # the field that it came in


class Prompt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model reads: exactly one of `messages` (through the chat template), `text` or `token_ids` is given."""

    messages: tuple[Mapping[str, Any], ...] | None = None  # as the template sees them: OpenAI's form, content a string
    text: str | None = None
    token_ids: tuple[int, ...] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()  # OpenAI's form
    tool_choice: ToolChoice = ToolChoice()
    chat_template: str | None = None  # None: the model's own
    template_arguments: Mapping[str, Any] = {}
    thinking: Thinking = Thinking()
    add_generation_prompt: bool = True
    continue_final_message: bool = False
    add_special_tokens: bool | None = None  # None: as the tokenizer says for text, not for messages
    truncate_to: int | None = None  # keep the last so many tokens
    where: str = "prompt"  # the field that it came in


class Generate(msgspec.Struct, frozen=True, tag="generate", omit_defaults=True):
    """Continue the prompt; answered by `Generated`s, the last of them final."""

    prompt: Prompt
    sampling: Sampling = Sampling()
    n: int = 1  # choices
    best_of: int | None = None  # continue so many, keep the n of the highest mean log-probability
    grammar: Grammar | None = None  # of the text; none is held to it where a choice of tools leaves only calls
    echo: bool = False  # the text begins with the prompt's
    stream: bool = False  # whether answers before the last are wanted
    max_context: int | None = None  # tokens of the prompt and its answer, where that is less than the model's
    salt: str = ""  # a tenant's prompts share cached blocks only with its prompts of the same salt


class Tokenize(msgspec.Struct, frozen=True, tag="tokenize"):
    """The prompt's tokens; answered by `Tokenized`."""

    prompt: Prompt


class Detokenize(msgspec.Struct, frozen=True, tag="detokenize"):
    """The text of tokens; answered by `Detokenized`."""

    token_ids: tuple[int, ...]


class Embed(msgspec.Struct, frozen=True, tag="embed"):
    """One vector for each input; answered by `Embedded`."""

    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None  # keep the first so many and normalise again
    normalize: bool = True
    truncate: bool = False  # an input that is too long loses its end; otherwise it is refused
    where: str = "input"  # the field that they came in
    listed: bool = True  # whether that is a list of them, and not the one alone


class Score(msgspec.Struct, frozen=True, tag="score"):
    """How well each text answers the query; answered by `Scored`."""

    query: str
    texts: tuple[str, ...]
    truncate: bool = True  # texts that are too long lose their end; a query that is too long itself is refused
    where: str = "documents"  # the field that the texts came in
    max_text_tokens: int | None = None  # of each text's own: the end of a longer one is left out


Ask = Generate | Tokenize | Detokenize | Embed | Score


class TokenLogprob(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A token's text, its bytes where they are no text alone, and the natural logarithm of its probability."""

    token_id: int
    token: str
    bytes: bytes
    logprob: float | None  # None: the first token of a prompt
    top: tuple["TokenLogprob", ...] = ()  # the likeliest alternatives, themselves without any
    rank: int | None = None  # of a prompt's token: 1 where none was likelier
    hidden: int = 0  # bytes at its beginning that the text it is of does not show


class ToolCall(msgspec.Struct, frozen=True):
    """A piece of a tool call: the first piece has `id` and `name`, later ones only more of `arguments` (JSON text)."""

    index: int
    arguments: str = ""
    id: str = ""
    name: str = ""


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one choice gained since the last answer. All deltas of a choice, one after another, are its whole text.

    Its text came before its calls; what came behind them is the next delta's.
    `logprobs` are of the text's tokens, not of those of thoughts.
    """

    index: int = 0  # of the choice
    text: str = ""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason | None = None  # the choice is complete
    stopped_by: str | int | None = None  # the stop string or stop id that ended it; None: the end-of-text token
    reasoning: str = ""  # thoughts, which came before the text


class Usage(msgspec.Struct, frozen=True):
    """Tokens that a request took; of the prompt's, those found in the prefix cache cost nothing."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0  # of the completion's, those of thoughts, their marks included


class Times(msgspec.Struct, frozen=True):
    """When a generation was first computed and gave its first token; by the engine's clock, in ns since it arrived."""

    queued_ns: int = 0
    first_token_ns: int = 0
    told_ns: int = 0  # when this answer was given; 0 in all but the first
    pauses: tuple[tuple[int, int], ...] = ()  # when it had to make room for others, and when it went on


class Generated(msgspec.Struct, frozen=True, tag="generated", omit_defaults=True):
    """News of a generation: one for each step where it streams, one in all where it does not.

    A choice has one delta in each, and one more wherever text came behind a call.
    """

    deltas: tuple[Delta, ...]
    usage: Usage  # so far
    prompt_logprobs: tuple[TokenLogprob, ...] = ()  # with the first answer, where they were asked for
    prompt_token_ids: tuple[int, ...] = ()  # with the first answer
    times: Times = Times()


class Tokenized(msgspec.Struct, frozen=True, tag="tokenized"):
    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    max_context: int


class Detokenized(msgspec.Struct, frozen=True, tag="detokenized"):
    text: str


class Embedded(msgspec.Struct, frozen=True, tag="embedded"):
    """Vectors as little-endian float32, one after another."""

    vectors: bytes
    dimensions: int
    prompt_tokens: int


class Scored(msgspec.Struct, frozen=True, tag="scored"):
    scores: tuple[float, ...]
    prompt_tokens: int
    method: Literal["cross-encoder", "cosine"]


Result = Generated | Tokenized | Detokenized | Embedded | Scored


class LanguageFacts(msgspec.Struct, frozen=True):
    """What front ends and people may know of a loaded language model."""

    family: str  # llama, qwen3, bert, ...
    tasks: tuple[Literal["generate", "embed", "score"], ...]
    max_context: int
    vocabulary: int
    parameters: int  # weights in all
    precision: str  # of the weights in memory, and what was done to get there
    chat_template: bool  # whether the model has one of its own
    num_blocks: int = 0  # of the KV pool
    block_size: int = 0  # tokens
    embedding: int = 0  # length of its vectors, where it embeds
    source: str = ""  # gguf, safetensors, openvino
    kind: str = ""  # that most weights have in the file: Q4_1, BF16, ...; empty: not known
    draft: str = ""  # the model that proposes tokens for it: its name, precision and share of the KV pool's memory
    max_requests: int = 0  # that may wait at once; 0: not known
    longest_context: int = 0  # that `llm.max_context` may ask for; 0: no more than there is
    reasoning: bool = False  # whether it thinks before it answers, and its thoughts are told apart
    kv_bytes: int = 0  # of the KV pool, that of the model that drafts included; its pages are touched as they are used
    second_bytes: int = 0  # that graphs may take which it makes while nobody waits
    defaults: GenerationDefaults = GenerationDefaults()  # those that are in force
    other_templates: tuple[str, ...] = ()  # names of its chat templates, where none is for chats without more

    @property
    def lacks_template(self) -> str:
        """What a model without a chat template is told to be: one that `has no chat template`."""
        return lacks_template(self.other_templates)


def lacks_template(names: Sequence[str]) -> str:
    """As in `has no chat template`, or which it has in place of the one that is called `default`."""
    if not names:
        return "has no chat template"
    return f"has no chat template called 'default', only {', '.join(name[:64] for name in names[:8])}"


class StepFacts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an engine did in one step, and how full it is after it."""

    seconds: float = 0.0  # that the step took; 0: nothing was computed
    prompt_tokens: int = 0  # computed, of prompts
    generated_tokens: int = 0  # chosen and kept
    cached_tokens: int = 0  # of prompts begun in this step, found in the prefix cache
    queried_tokens: int = 0  # of the same prompts, looked for
    preempted: int = 0  # sequences that lost their blocks and begin again
    drafts: int = 0  # sequences that were given drafts
    drafted_tokens: int = 0
    accepted_tokens: int = 0  # of them
    aborted: int = 0  # requests whose caller went away
    saved_tokens: int = 0  # that those were still allowed to generate
    running: int = 0  # requests, now
    waiting: int = 0
    used_blocks: int = 0  # of the KV pool, now; those that only the prefix cache holds count as free
    num_blocks: int = 0
    gaps: tuple[tuple[int, int], ...] = ()  # ns since a sequence's tokens before these, and how many had that gap
    expected_seconds: float = 0.0  # that the step was foreseen to take
    computed: tuple[tuple[int, int], ...] = ()  # tokens of each request, by its number
