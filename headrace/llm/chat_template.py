"""Chat templates: compiled once, rendered within bounds, and what is wrong said in words for the caller."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError

from headrace.errors import InvalidRequest
from headrace.llm.chat_template_budget import Budget, TooMuch
from headrace.llm.chat_template_guards import Refused
from headrace.llm.chat_template_sandbox import RaisedByTemplate, Sandbox
from headrace.llm.limits import MAX_TEMPLATE_CHARACTERS, MAX_TEMPLATE_NODES

FIELD = "chat_template"  # where a request's own template comes from
MAX_MESSAGE = 500  # characters of what a template says


class ChatTemplate:
    """One template, compiled. Renders one at a time, whoever asks."""

    def __init__(self, source: str, own: bool = True, now: Callable[[], datetime] = datetime.now) -> None:
        """`own`: it came with the model, not with the request. Raises InvalidRequest where it cannot be compiled."""
        self.source = source
        self._whose = "the model's own chat template" if own else "the chat template"
        self._where = "" if own else FIELD
        self._lock = threading.Lock()
        if len(source) > MAX_TEMPLATE_CHARACTERS:
            raise InvalidRequest(
                f"{self._whose} has {len(source):,} characters: at most {MAX_TEMPLATE_CHARACTERS:,}", FIELD
            )
        self._sandbox = Sandbox(now)
        try:
            tree = self._sandbox.parse(source)
            if (num_nodes := 1 + sum(1 for _ in tree.find_all(nodes.Node))) > MAX_TEMPLATE_NODES:
                raise InvalidRequest(
                    f"{self._whose} has {num_nodes:,} expressions and statements: at most {MAX_TEMPLATE_NODES:,}", FIELD
                )
            self.names = frozenset(meta.find_undeclared_variables(tree))
            """What it asks for: `messages`, `tools`, ..."""
            self._template = self._sandbox.from_string(tree)
        except TemplateSyntaxError as error:
            raise InvalidRequest(f"{self._whose} is wrong in line {error.lineno}: {error.message}", FIELD) from error
        except (TemplateError, SyntaxError, RecursionError, MemoryError, ValueError, OverflowError) as error:
            raise InvalidRequest(f"{self._whose} cannot be compiled: {_said(error)}", FIELD) from error

    def render(self, messages: Sequence[Mapping[str, Any]], where: str = "messages", /, **variables: Any) -> str:
        """The text of the conversation. `variables` may have any names.

        Raises InvalidRequest where the template refuses it or fails, naming the message that it was at, and where it
        does what no chat template needs.
        """
        with self._lock:
            try:
                budget = self._sandbox.budget = Budget([messages, variables], watched=messages)
            except RecursionError as error:
                raise InvalidRequest("what the chat template is given is nested too deep", where) from error
            try:
                return self._template.render({**variables, "messages": messages})
            except (TooMuch, Refused, SecurityError) as error:
                what = "" if isinstance(error, TooMuch) else "does what it may not: "
                raise InvalidRequest(f"{self._whose} {what}{_said(error)}", self._where or where) from error
            except RaisedByTemplate as error:
                at = _at(where, budget)
                raise InvalidRequest(f"{self._whose} refuses the messages: {_said(error)}", at) from error
            except Exception as error:  # whatever an expression can raise
                at = _at(where, budget)
                raise InvalidRequest(f"{self._whose} fails: {type(error).__name__}: {_said(error)}", at) from error
            finally:
                self._sandbox.budget = Budget()  # the other knows what went in


def _at(where: str, budget: Budget) -> str:
    """The message that the template was at."""
    return where if budget.reached is None else f"{where}[{budget.reached}]"


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:MAX_MESSAGE]


class ChatTemplates:
    """The templates that were used last, compiled: the model's own, and those that requests bring."""

    def __init__(self, size: int = 16, now: Callable[[], datetime] = datetime.now) -> None:
        self._size = size
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, bool], ChatTemplate] = OrderedDict()

    def get(self, source: str, own: bool = True) -> ChatTemplate:
        """The template, compiled now or before. Raises InvalidRequest where it cannot be compiled."""
        key = (source, own)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        template = ChatTemplate(source, own, self._now)
        with self._lock:
            self._kept[key] = template
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return template
