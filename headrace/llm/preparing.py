"""What is asked for, made ready to be computed: the prompt's tokens, the grammar, and checks that need the model."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from headrace.errors import ContextLengthExceeded, InvalidRequest
from headrace.generation import (
    Detokenize,
    Detokenized,
    Generate,
    Grammar,
    Prompt,
    Sampling,
    Tokenize,
    Tokenized,
    ToolChoice,
)
from headrace.llm.bad_words import spellings
from headrace.llm.chat_template import ChatTemplate
from headrace.llm.forbidden import Forbidden
from headrace.llm.grammar import Grammars, Matcher
from headrace.llm.masks import Masks
from headrace.llm.prompt import PromptReader, Read
from headrace.llm.reasoning import Marks, Stage, marks_of
from headrace.llm.stop_strings import check_stops
from headrace.llm.thought_limit import ThoughtLimit
from headrace.llm.thoughts import Thoughts
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.told_text import ToldText
from headrace.llm.tool_calls import ToolFormat, hermes_system, tool_format
from headrace.llm.tool_grammar import JOINED, call_grammar
from headrace.llm.tool_parser import ToolParser
from headrace.weights.checkpoint import Checkpoint

QUICK_CHARACTERS = 4096
"""Text of so many is read within a fraction of a step."""


class Calls(msgspec.Struct, frozen=True):
    """How calls of tools are found in an answer."""

    form: ToolFormat
    names: tuple[str, ...]
    choice: ToolChoice = ToolChoice()

    def parser(self) -> ToolParser:
        """Of one choice."""
        return ToolParser(self.form, self.names, lambda: f"call_{secrets.token_hex(12)}", self.choice)


class Thinks(msgspec.Struct, frozen=True):
    """How thoughts are told apart in an answer that may have some."""

    marks: Marks
    stage: Stage  # where the answer begins
    most: int | None = None  # tokens of them
    exact: bool = False  # whether the answer's first white space is kept

    def thoughts(self) -> Thoughts:
        """Of one choice."""
        return Thoughts(self.marks, self.stage, self.exact)

    def limit(self) -> ThoughtLimit | None:
        """Of one choice."""
        return None if self.most is None else ThoughtLimit(self.marks, self.stage, self.most)


class Prepared(msgspec.Struct, frozen=True):
    """A generation that can begin."""

    prompt_ids: list[int]
    echo: str = ""  # the prompt's text, where answers begin with it
    matcher: Matcher | None = None  # at the beginning of the grammar that the text must follow
    calls: Calls | None = None  # None: no tools
    thinks: Thinks | None = None  # None: the answer has no thoughts, or they are not told apart
    max_tokens: int | None = None  # of each choice; None: as many as the context holds
    forbidden: Forbidden | None = None  # None: every token may come

    def told_text(self, tokenizer: Tokenizer, sampling: Sampling) -> ToldText:
        """Of one choice."""
        calls, thinks = self.calls, self.thinks
        parser, shown = (calls.parser(), calls.form.marks) if calls is not None else (None, ())
        if thinks is None:
            return ToldText(tokenizer, sampling, self.echo, parser, shown)
        marks = (*shown, thinks.marks.begin, thinks.marks.end)
        return ToldText(tokenizer, sampling, self.echo, parser, marks, thinks.thoughts())

    def thought_limit(self) -> ThoughtLimit | None:
        """Of one choice; None: it may think as long as it likes, or does not think."""
        return self.thinks.limit() if self.thinks is not None else None

    def masks(self, vocabulary: int, eos_ids: Collection[int]) -> Masks | None:
        """Of one choice; None: no grammar."""
        if self.matcher is None:
            return None
        if self.thinks is None:
            return Masks(self.matcher.copy(), vocabulary)
        return Masks(self.matcher.copy(), vocabulary, self.thinks.marks, self.thinks.stage, eos_ids)


class Preparing:
    """Knows the text side of one decoder. Safe to use from several threads."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        reader: PromptReader,
        vocabulary: int,
        max_context: int,
        eos_ids: Sequence[int] = (),
        marks: Marks | None = None,
    ) -> None:
        """`marks`: around the model's thoughts, if they are told apart."""
        self.tokenizer = tokenizer
        self.marks = marks
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
        words = ask.sampling.bad_words if isinstance(ask, Generate) else ()
        return _characters(prompt.text, prompt.messages) + 2 * sum(map(len, words)) <= QUICK_CHARACTERS

    def generation(self, ask: Generate) -> Prepared:
        """Raises InvalidRequest that names the field at fault."""
        self._check(ask)
        most = min(self._max_context, ask.max_context or self._max_context)
        read = self._reader.read(ask.prompt, most - 1)
        max_tokens = _room(ask, len(read.token_ids))
        echo = ""
        if ask.echo:
            echo = read.text if read.text is not None else self.tokenizer.decode(read.token_ids, skip_special=False)
        calls, choice = self._calls(ask.prompt, read.template), ask.prompt.tool_choice
        grammar = None if choice.forced else ask.grammar  # an answer of calls alone has no text to hold to it
        if calls is not None:
            answer = grammar if grammar is not None and grammar.kind in JOINED else None
            called = call_grammar(ask.prompt.tools, choice, calls.form, self._special_id, answer)
            if called is not None and grammar is not None and answer is None:
                raise InvalidRequest("cannot be asked for together with calls of strict tools", grammar.where)
            grammar = called or grammar
        matcher = self._grammars().compile(grammar) if grammar is not None else None
        thinks = self._thinks(ask, read, grammar)
        return Prepared(read.token_ids, echo, matcher, calls, thinks, max_tokens, self._forbidden(ask.sampling))

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
        return Calls(form, names, prompt.tool_choice)

    def _thinks(self, ask: Generate, read: Read, grammar: Grammar | None) -> Thinks | None:
        marks, thinking = self.marks, ask.prompt.thinking
        if marks is None or read.stage == "after":
            return None
        if not marks.are_tokens:
            if grammar is not None and read.stage == "before":
                return None  # the grammar holds from the first token, and allows no thoughts
            why = f"{marks.end}, which ends its thoughts, is more than one token of its vocabulary"
            if grammar is not None:
                what = f"cannot be kept to behind the thoughts of this model: {why}; turn thinking off"
                raise InvalidRequest(what, grammar.where)
            if thinking.max_tokens is not None:
                what = f"cannot be kept by this model: {why}; let it think without a limit, or turn thinking off"
                raise InvalidRequest(what, thinking.where)
        return Thinks(marks, read.stage, thinking.max_tokens, exact=grammar is not None)

    def _forbidden(self, sampling: Sampling) -> Forbidden | None:
        if sampling.allowed_ids is None and not sampling.bad_words:
            return None
        return Forbidden(sampling.allowed_ids, spellings(sampling.bad_words, self.tokenizer, self._vocabulary))

    def _special_id(self, mark: str) -> int | None:
        """The token of a mark that the vocabulary has as a special one."""
        token_id = self.tokenizer.token_id(mark)
        return token_id if token_id in self.tokenizer.special_ids else None

    def _check(self, ask: Generate) -> None:
        sampling = ask.sampling
        check_stops(sampling.stop)
        self._check_ids(sampling.stop_ids, "stop_token_ids")
        self._check_ids(sampling.allowed_ids or (), "allowed_token_ids")
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


def preparing_for(
    checkpoint: Checkpoint, tokenizer: Tokenizer, vocabulary: int, max_context: int, reasoning: str = "off"
) -> Preparing:
    """What reads the requests of a checkpoint's model; tools that its template does not know are told in words.

    `reasoning` is the setting `llm.reasoning`.
    """
    eos_id = next(iter(checkpoint.eos_ids), None)
    marks = marks_of(reasoning, checkpoint.chat_templates.default, tokenizer.token_id)
    reader = PromptReader(
        tokenizer, vocabulary, checkpoint.chat_templates, checkpoint.bos_id, eos_id, hermes_system, marks
    )
    return Preparing(tokenizer, reader, vocabulary, max_context, checkpoint.eos_ids, marks)


def _room(ask: Generate, num_prompt_tokens: int) -> int | None:
    """The tokens that a choice may have. Raises InvalidRequest where the prompt alone fills what the request allows."""
    if ask.max_context is None:
        return ask.sampling.max_tokens
    left = ask.max_context - num_prompt_tokens
    if left < 1:
        raise ContextLengthExceeded(
            f"the prompt is too long: {num_prompt_tokens:,} tokens; the request allows {ask.max_context:,}, with at "
            "least one for the answer",
            ask.prompt.where,
        )
    return left if ask.sampling.max_tokens is None else min(left, ask.sampling.max_tokens)


def _once(make: Callable[[], Grammars]) -> Callable[[], Grammars]:
    """Made when first asked for: most models never follow a grammar, and it takes a while."""
    made: list[Grammars] = []

    def get() -> Grammars:
        if not made:
            made.append(make())
        return made[0]

    return get


def _characters(text: str | None, messages: Sequence[Mapping[str, object]] | None) -> int:
    """About how long a prompt is."""
    if messages is None:
        return len(text or "")
    said = [value for message in messages for value in message.values() if value is not None]
    return sum(len(value) if isinstance(value, str) else QUICK_CHARACTERS for value in said)
