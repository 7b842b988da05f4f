"""A prompt, whatever its form, to the tokens that the model reads."""

from collections.abc import Mapping

import msgspec

from headrace.errors import ContextLengthExceeded, InvalidRequest
from headrace.generation import Prompt, lacks_template
from headrace.llm.chat_messages import SystemText, render
from headrace.llm.chat_template import ChatTemplate, ChatTemplates
from headrace.llm.known_tokens import check_encoded
from headrace.llm.reasoning import SWITCHES, Marks, Stage, stage_of, without_thoughts
from headrace.llm.tokenizer import Tokenizer
from headrace.weights.checkpoint import Templates

MAX_BYTES = 4  # of a character: a text of fewer characters than this allows has no more tokens than bytes


class Read(msgspec.Struct, frozen=True):
    """A prompt as it was read."""

    token_ids: list[int]
    text: str | None  # what the tokens were made of; None where these were given, or are not all of it
    template: ChatTemplate | None  # through which messages went: it says how tools are called
    stage: Stage = "after"  # where the answer begins: before thoughts, among them, or where none are told apart


class PromptReader:
    """Reads the prompts of one model. Safe to use from several threads.

    Raises InvalidRequest that names the field: tokens outside the vocabulary, also those of a text, messages without a
    chat template or such as it refuses, text that is no Unicode, a prompt of no tokens.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        vocabulary: int,
        templates: Templates,
        bos_id: int | None = None,
        eos_id: int | None = None,
        tools_in_words: SystemText | None = None,
        marks: Marks | None = None,
    ) -> None:
        """`vocabulary`: the model's, which may be larger or smaller than the tokenizer's; `templates`: its own, if any;
        `marks`: around its thoughts, if they are told apart."""
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._own = templates
        self._doubled = [bos_id, bos_id] if bos_id is not None and tokenizer.encode("")[:1] == [bos_id] else None
        self._special = _special(tokenizer, bos_id, eos_id)
        self._tools_in_words = tools_in_words
        self._marks = marks
        self._compiled = ChatTemplates()

    def read(self, prompt: Prompt, most: int | None = None) -> Read:
        """The tokens of a prompt; of one with `truncate_to` the last so many.

        `most` refuses a text at once that is certain to have more.
        """
        template: ChatTemplate | None = None
        stage: Stage = "after"
        if prompt.token_ids is not None:
            text, token_ids = None, self._checked(prompt)
        else:
            if prompt.messages is not None:
                template = self._template(prompt)
                text, stage = self._rendered(prompt, template)
            else:
                text = prompt.text or ""
            if most is not None and prompt.truncate_to is None:
                self._check_length(text, prompt, most)
            token_ids = self._encoded(text, prompt)
        if prompt.truncate_to is not None and len(token_ids) > prompt.truncate_to:
            text, token_ids = None, token_ids[len(token_ids) - prompt.truncate_to :]
        if not token_ids:
            raise InvalidRequest("the prompt has no tokens: at least one is needed", prompt.where)
        return Read(token_ids, text, template, stage)

    def _rendered(self, prompt: Prompt, template: ChatTemplate) -> tuple[str, Stage]:
        """The text of messages, and where the answer to it begins."""
        text = render(prompt, template, self._special, self._tools_in_words)
        if self._marks is None:
            return text, "after"
        asked = prompt.add_generation_prompt and not prompt.continue_final_message
        if prompt.thinking.on is False and asked and not template.names.intersection(SWITCHES):
            text = without_thoughts(text, self._marks)
        return text, stage_of(prompt, text, self._marks)

    def _check_length(self, text: str, prompt: Prompt, most: int) -> None:
        """Raises InvalidRequest for a text whose bytes alone say that it has more tokens."""
        least = self._tokenizer.least_tokens(text) if len(text) > most // MAX_BYTES else 0
        if least > most:
            raise ContextLengthExceeded(
                f"the prompt is too long: at least {least} tokens; this model's maximum context length is {most + 1} "
                "tokens, with at least one for the answer",
                prompt.where,
            )

    def _checked(self, prompt: Prompt) -> list[int]:
        token_ids = list(prompt.token_ids or ())
        if token_ids and not 0 <= min(token_ids) <= max(token_ids) < self._vocabulary:
            index = next(i for i, token_id in enumerate(token_ids) if not 0 <= token_id < self._vocabulary)
            raise InvalidRequest(
                f"{token_ids[index]} is no token of the model: they are 0 to {self._vocabulary - 1}",
                f"{prompt.where}[{index}]",
            )
        return token_ids

    def _template(self, prompt: Prompt) -> ChatTemplate:
        if prompt.chat_template is not None:
            return self._compiled.get(prompt.chat_template, own=False)
        has_tools = bool(prompt.tools) and prompt.tool_choice.kind != "none"
        own = (has_tools and self._own.tool_use) or self._own.default
        if own is None:
            raise InvalidRequest(
                f"the model {lacks_template(self._own.names)}, so it takes no messages: give one, or ask for a "
                "completion of text",
                "chat_template",
            )
        return self._compiled.get(own)

    def _encoded(self, text: str, prompt: Prompt) -> list[int]:
        add = prompt.add_special_tokens if prompt.add_special_tokens is not None else prompt.messages is None
        try:
            token_ids = self._tokenizer.encode(text, add)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, prompt.where) from error
        check_encoded(token_ids, self._tokenizer, self._vocabulary, prompt.where)
        if add and token_ids[:2] == self._doubled:
            return token_ids[1:]  # the text, or its template, begins with it already
        return token_ids


def _special(tokenizer: Tokenizer, bos_id: int | None, eos_id: int | None) -> Mapping[str, str]:
    """What templates know special tokens by; empty where the model has none."""
    ids = {"bos_token": bos_id, "eos_token": eos_id}
    return {name: "" if token_id is None else tokenizer.token(token_id) for name, token_id in ids.items()}
