"""What is asked for, made ready to be computed: the prompt's tokens, the grammar, and checks that need the model."""

import secrets
from collections.abc import Callable, Sequence

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Detokenize, Detokenized, Generate, Prompt, Tokenize, Tokenized
from headrace.llm.chat_template import ChatTemplate
from headrace.llm.grammar import Grammars, Matcher
from headrace.llm.prompt import PromptReader
from headrace.llm.stop_strings import check_stops
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tool_calls import ToolFormat, hermes_system, tool_format
from headrace.llm.tool_grammar import call_grammar
from headrace.llm.tool_parser import ToolParser
from headrace.weights.checkpoint import Checkpoint

QUICK_CHARACTERS = 4096
"""Text of so many is read within a fraction of a step."""


class Calls(msgspec.Struct, frozen=True):
    """How calls of tools are found in an answer."""

    form: ToolFormat
    names: tuple[str, ...]
    parallel: bool

    def parser(self) -> ToolParser:
        """Of one choice."""
        return ToolParser(self.form, self.names, lambda: f"call_{secrets.token_hex(12)}", self.parallel)


class Prepared(msgspec.Struct, frozen=True):
    """A generation that can begin."""

    prompt_ids: list[int]
    echo: str = ""  # the prompt's text, where answers begin with it
    matcher: Matcher | None = None  # at the beginning of the grammar that the text must follow
    calls: Calls | None = None  # None: no tools


class Preparing:
    """Knows the text side of one decoder. Safe to use from several threads."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        reader: PromptReader,
        vocabulary: int,
        max_context: int,
        eos_ids: Sequence[int] = (),
    ) -> None:
        self.tokenizer = tokenizer
        self.eos_ids = frozenset(eos_ids)
        self._reader = reader
        self._vocabulary = vocabulary
        self._max_context = max_context
        self._grammars: Callable[[], Grammars] = _once(self._make_grammars)

    def is_quick(self, ask: Generate | Tokenize) -> bool:
        """Whether `generation` or `tokenized` takes a fraction of a step at most."""
        prompt = ask.prompt
        if isinstance(ask, Generate) and ask.grammar is not None:
            return False
        if prompt.chat_template is not None or prompt.tools or prompt.template_arguments:
            return False
        return _characters(prompt.text, prompt.messages) <= QUICK_CHARACTERS

    def generation(self, ask: Generate) -> Prepared:
        """Raises InvalidRequest that names the field at fault."""
        self._check(ask)
        read = self._reader.read(ask.prompt)
        echo = ""
        if ask.echo:
            echo = self.tokenizer.decode(read.token_ids) if read.text is None else read.text
        calls, grammar = self._calls(ask.prompt, read.template), ask.grammar
        if calls is not None:
            forced = call_grammar(ask.prompt.tools, ask.prompt.tool_choice, calls.form, self._special_id)
            if forced is not None and grammar is not None:
                raise InvalidRequest("cannot be asked for together with calls of tools", grammar.where)
            grammar = forced or grammar
        matcher = self._grammars().compile(grammar) if grammar is not None else None
        return Prepared(read.token_ids, echo, matcher, calls)

    def tokenized(self, ask: Tokenize) -> Tokenized:
        """Raises InvalidRequest that names the field at fault."""
        token_ids = self._reader.read(ask.prompt).token_ids
        tokens = tuple(self.tokenizer.token_text(token_id) for token_id in token_ids)
        return Tokenized(tuple(token_ids), tokens, self._max_context)

    def detokenized(self, ask: Detokenize) -> Detokenized:
        """Raises InvalidRequest for a token outside the vocabulary."""
        self._check_ids(ask.token_ids, "tokens")
        return Detokenized(self.tokenizer.decode(ask.token_ids, skip_special=False))

    def _calls(self, prompt: Prompt, template: ChatTemplate | None) -> Calls | None:
        if not prompt.tools or prompt.messages is None or prompt.tool_choice.kind == "none":
            return None
        form = tool_format(template.source if template is not None else None)
        if form is None:
            raise InvalidRequest("the chat template has calls written in a form that is not read here", "tools")
        names = tuple(str(tool["function"]["name"]) for tool in prompt.tools)
        return Calls(form, names, prompt.tool_choice.parallel)

    def _special_id(self, mark: str) -> int | None:
        """The token of a mark that the vocabulary has as a special one."""
        token_id = self.tokenizer.token_id(mark)
        return token_id if token_id in self.tokenizer.special_ids else None

    def _check(self, ask: Generate) -> None:
        sampling = ask.sampling
        check_stops(sampling.stop)
        self._check_ids(sampling.stop_ids, "stop_token_ids")
        for token_id in sampling.logit_bias:
            if not 0 <= token_id < self._vocabulary:
                raise InvalidRequest(self._no_token(token_id), f"logit_bias.{token_id}")
        if ask.best_of is not None and ask.best_of < ask.n:
            raise InvalidRequest(f"must be at least n, which is {ask.n}", "best_of")
        if sampling.max_tokens == 0 and not ask.echo:
            raise InvalidRequest("must be at least 1; 0 needs echo", "max_tokens")

    def _check_ids(self, token_ids: Sequence[int], where: str) -> None:
        for index, token_id in enumerate(token_ids):
            if not 0 <= token_id < self._vocabulary:
                raise InvalidRequest(self._no_token(token_id), f"{where}[{index}]")

    def _no_token(self, token_id: int) -> str:
        return f"{token_id} is no token of the model: they are 0 to {self._vocabulary - 1}"

    def _make_grammars(self) -> Grammars:
        if not self.eos_ids:
            raise InvalidRequest("the model has no token that ends a text, so none can be held to a form", "grammar")
        tokens = [self.tokenizer.token_bytes(index) for index in range(self._vocabulary)]
        return Grammars(tokens, self.tokenizer.special_ids, sorted(self.eos_ids))


def preparing_for(checkpoint: Checkpoint, tokenizer: Tokenizer, vocabulary: int, max_context: int) -> Preparing:
    """What reads the requests of a checkpoint's model; tools that its template does not know are told in words."""
    eos_id = next(iter(checkpoint.eos_ids), None)
    reader = PromptReader(
        tokenizer, vocabulary, checkpoint.chat_template, checkpoint.bos_id, eos_id, tools_in_words=hermes_system
    )
    return Preparing(tokenizer, reader, vocabulary, max_context, checkpoint.eos_ids)


def _once(make: Callable[[], Grammars]) -> Callable[[], Grammars]:
    """Made when first asked for: most models never follow a grammar, and it takes a while."""
    made: list[Grammars] = []

    def get() -> Grammars:
        if not made:
            made.append(make())
        return made[0]

    return get


def _characters(text: str | None, messages: Sequence[object] | None) -> int:
    """About how long a prompt is."""
    if messages is not None:
        return sum(len(str(message)) for message in messages)
    return len(text or "")
