"""The Jinja that chat templates are written for, as transformers has it, closed in.

A template reaches no attribute that begins with an underscore, changes no value in place, and calls only what the
guards list. Loops, calls, operators, slices, literals and output are charged to the budget of the rendering that runs;
the compiler's constant folding, which would compute before there is a budget, is off.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import wraps
from types import BuiltinFunctionType
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, _PassArg
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from headrace.llm import chat_template_guards as guards
from headrace.llm.chat_template_budget import Budget

EACH, MADE, TOGETHER, STEP = "each item", "what is made", "all together", "a step"
"""Filters that are put around loops, what is made, `~`, and what is compared; no template can name them."""


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one template. `budget` is that of the rendering which runs: one at a time."""

    intercepted_binops = guards.OPERATORS

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, optimized=False, extensions=[_Generation, loopcontrols])
        self.budget = Budget()
        self.finalize = self._finalized
        self.concat = self._concat  # type: ignore[method-assign]
        own: dict[str, Callable[..., Any]] = {"tojson": guards.to_json, "safe": str, "escape": _escaped, "e": _escaped}
        listed = {name: own.get(name, self.filters[name]) for name in guards.FILTERS}
        self.filters = {name: self._guarded(name, function) for name, function in listed.items()}
        self.filters |= {EACH: self._each, MADE: self._made, TOGETHER: self._together, STEP: self._step}
        self.tests = {name: self._timed(test) for name, test in self.tests.items()}
        self.globals = {
            "range": self.globals["range"],
            "namespace": _Namespace,
            "dict": self._dict,
            "raise_exception": _raise,
            "strftime_now": lambda form: now().strftime(str(form)[:100]),
        }

    def _generate(self, source: nodes.Template, *arguments: Any, **named: Any) -> str:
        return super()._generate(_Charged().visit(source), *arguments, **named)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
        raise SecurityError(f"it may not see `{attribute}` of a {type(obj).__name__}")

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        method = getattr(__obj, "__wrapped__", __obj)  # `format` is wrapped, so that it sees no attributes either
        if isinstance(method, BuiltinFunctionType):
            if not guards.may_call(method):
                raise SecurityError(f"it may not call `{method.__name__}`")
            args = tuple(map(__self._listed, args))
            named = {name: value for name, value in kwargs.items() if name[0] != "_"}  # others are the compiler's
            guards.before(method.__name__, method.__self__, args, named, __self.budget)
        elif isinstance(method, type) and method is not _Namespace:
            raise SecurityError(f"it may not call `{method.__name__}`")
        __self.budget.step()
        __self.budget.measure([*args, *kwargs.values()])  # a macro makes `varargs` and `kwargs` of them
        made = super().call(__context, __obj, *args, **kwargs)
        __self.budget.charge(made)
        return made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return guards.operate(operator, left, right, self.budget)

    def getitem(self, obj: Any, argument: Any) -> Any:
        self.budget.step()  # `attribute` of a filter has as many as there are dots in it, for each value
        return super().getitem(obj, argument)

    def _listed(self, value: Any) -> Any:
        """What other filters make lazily, made, so that it can be measured."""
        if not hasattr(value, "__next__"):
            return value
        made = list(value)
        self.budget.charge(made)
        return made

    def _guarded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        passed = _PassArg.from_obj(function)

        def guarded(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
            value = self._listed(value)
            guards.before(name, value, args, kwargs, self.budget)
            first = () if passed is None else (_passed(passed, context),)
            made = function(*first, value, *args, **kwargs)
            self.budget.charge(made)
            return self.budget.each(made) if hasattr(made, "__next__") else made

        return pass_context(guarded)

    def _timed(self, test: Any) -> Callable[..., Any]:
        """A test that is looked at before: filters make many of it without a step between them."""

        @wraps(test)  # with what it is passed beside its values
        def timed(*args: Any) -> Any:
            self.budget.step()
            self.budget.look()
            return test(*args)

        return timed

    def _dict(self, values: Mapping[Any, Any] | Iterable[Any] = (), /, **named: Any) -> dict[Any, Any]:
        """One by one: keys may be chosen so that each is compared with all others."""
        pairs = values.items() if isinstance(values, Mapping) else values
        return {**dict(tuple(pair) for pair in self.budget.each(pairs)), **named}

    @pass_context
    def _finalized(self, _context: Context, value: Any) -> Any:
        self.budget.afford(self.budget.measure(value))
        return value

    def _concat(self, parts: Iterable[str]) -> str:
        return guards.joined(parts, self.budget)

    @pass_context
    def _each(self, _context: Context, values: Any) -> Any:
        return values if hasattr(values, "__next__") else self.budget.each(values)  # filters give them each by each

    @pass_context
    def _made(self, _context: Context, made: Any) -> Any:
        self.budget.charge(made)
        return made

    @pass_context
    def _step(self, _context: Context, compared: Any) -> Any:
        self.budget.step()
        self.budget.look()
        return compared

    @pass_context
    def _together(self, _context: Context, values: list[Any]) -> str:
        self.budget.afford(sum(map(self.budget.measure, values)))
        return guards.joined(map(str, values), self.budget)


def _passed(kind: _PassArg, context: Context) -> Any:
    """What Jinja's own filters ask for before their values."""
    if kind is _PassArg.context:
        return context
    return context.eval_ctx if kind is _PassArg.eval_context else context.environment


class _Charged(NodeTransformer):
    """Puts the charging filters into a template."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node, *args, **kwargs)
        match node:
            case nodes.For():
                node.iter = _filter(EACH, node.iter)
            case nodes.Concat():
                return _filter(TOGETHER, nodes.List(node.nodes, lineno=node.lineno))
            case nodes.Getitem(arg=nodes.Slice()) | nodes.List() | nodes.Dict() | nodes.Tuple(ctx="load"):
                return _filter(MADE, node)
            case nodes.Operand():
                node.expr = _filter(STEP, node.expr)
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
                raise TemplateSyntaxError("a chat template is in one piece: no other is there", node.lineno)
            case nodes.EvalContextModifier():
                raise TemplateSyntaxError("`autoescape` is not offered", node.lineno)
        return node


def _filter(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _Generation(Extension):
    """`{% generation %}` marks what a model wrote, for training; here it is as if it were not there."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class _Namespace(Namespace):
    """Keeps no name that begins with an underscore, and does not show what it keeps."""

    def __init__(self, **named: Any) -> None:
        for name in named:
            _check_name(name)
        super().__init__(**named)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)

    def __repr__(self) -> str:
        return "<namespace>"


def _check_name(name: str) -> None:
    if name.startswith("_"):
        raise SecurityError(f"it may not keep `{name}`")


def _escaped(value: Any) -> str:
    return str(escape(value))


class RaisedByTemplate(TemplateError):
    """The template itself refuses what it was given."""


def _raise(message: str = "") -> None:
    raise RaisedByTemplate(str(message))
