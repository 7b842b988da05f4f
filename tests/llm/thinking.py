"""A small tokenizer whose vocabulary has the marks around thoughts as tokens, and a template that opens them."""

from headrace.llm.preparing import Preparing
from headrace.llm.prompt import PromptReader
from headrace.llm.reasoning import Marks, marks_of
from headrace.llm.tokenizer import Tokenizer
from headrace.weights.checkpoint import Templates
from tests.llm.engines import EOS
from tests.llm.tokenizing import byte_level_fields, made

NORMAL, CONTROL, USER = 1, 3, 4  # kinds of tokens

WORDS = Marks("<think>", "</think>")
"""Marks that are text."""

TURNS = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"

OPENING = TURNS + "{% if add_generation_prompt %}assistant: <think>\n{% endif %}"
"""Like DeepSeek-R1's: the answer begins among thoughts, and nothing turns them off."""

SWITCHED = (
    TURNS + "{% if add_generation_prompt %}assistant: "
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Like Qwen3's: the answer may begin with thoughts, unless they are turned off."""


def thinking_tokenizer(kind: int = USER) -> Tokenizer:
    fields = byte_level_fields()
    tokens, kinds = [*fields["tokens"], "<think>", "</think>"], [*fields["token_type"], kind, kind]
    return made(fields | {"tokens": tokens, "token_type": kinds})


TOKENIZER = thinking_tokenizer()
TOKENS = marks_of("auto", OPENING, TOKENIZER.token_id)
"""Marks that are tokens."""


def thinking_preparing(template: str, tokenizer: Tokenizer = TOKENIZER, setting: str = "auto") -> Preparing:
    marks = marks_of(setting, template, tokenizer.token_id)
    reader = PromptReader(tokenizer, tokenizer.vocabulary, Templates(template), 1, EOS, marks=marks)
    return Preparing(tokenizer, reader, tokenizer.vocabulary, 4096, (EOS,), marks)
