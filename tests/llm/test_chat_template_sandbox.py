"""The Jinja of chat templates is closed in, and otherwise as transformers has it."""

from datetime import datetime
from typing import Any

import pytest
from jinja2 import TemplateError
from jinja2.exceptions import SecurityError

from headrace.llm.chat_template_budget import TooMuch
from headrace.llm.chat_template_guards import Refused
from headrace.llm.chat_template_sandbox import Sandbox


def rendered(source: str, **values: Any) -> str:
    return Sandbox(lambda: datetime(2026, 1, 2)).from_string(source).render(**values)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% for x in [1, 2] %}\n  {% if loop.last %}\n{{ x }}{{ loop.length }}\n  {% endif %}\n{% endfor %}", "22\n"),
        ("{% for x in 'abc' %}{% if x == 'b' %}{% continue %}{% endif %}{{ x }}{% endfor %}", "ac"),
        ("{% for x in 'abc' %}{% if x == 'b' %}{% break %}{% endif %}{{ x }}{% endfor %}", "a"),
        ("{% for x in range(9) if x is odd %}{{ x }}{% else %}none{% endfor %}", "1357"),
        ("{% for x in [[1, [2]]] recursive %}{{ x[0] }}{% if x[1] %}{{ loop([x[1]]) }}{% endif %}{% endfor %}", "12"),
        ("{{ {'a': '<é>'} | tojson }}", '{"a": "<é>"}'),
        ("{{ 'a' ~ 1 ~ none }}", "a1None"),
        ("{{ strftime_now('%d %b %Y') }}", "02 Jan 2026"),
        ("{% set ns = namespace(x=1) %}{% for i in range(3) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "4"),
        ("{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, b=3) }}", "1-21-3"),
        ("{% generation %}a{{ 1 }}{% endgeneration %}b", "a1b"),
        ("{% set x %}a{{ 'b' }}{% endset %}{{ x | upper }}", "AB"),
        ("{{ ['b', 'a'] | sort | join('+') }}{{ ['a'] | map('upper') | join }}", "a+bA"),
        ("{{ [{'r': 1}, {'r': 2}] | selectattr('r', 'equalto', 2) | list | length }}", "1"),
        ("{{ 'a b'.split()[1:] }}{{ 'x{}'.format('y') }}{{ '%s' % 'z' }}", "['b']xyz"),
        ("{{ missing }}{{ missing is defined }}{{ missing | default('d') }}", "Falsed"),
        ("{{ '<b>' | e }}{{ '<b>' | safe }}{{ dict(a=1).get('a') }}", "&lt;b&gt;<b>1"),
        ("{% for k, v in {'a': 1} | items %}{{ k }}{{ v }}{% endfor %}", "a1"),
    ],
)
def test_templates_say_what_they_say_elsewhere(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ raise_exception.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ missing.__class__ }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '{a}'.format_map({'a': 1}) }}",
        "{{ [1] | map(attribute='__class__') | list }}",
        "{% set ns = namespace() %}{% set ns.__init__ = 1 %}",
        "{{ namespace(_a=1) }}",
        "{{ namespace().__class__ }}",
        "{{ messages.append(1) }}",
        "{{ messages.pop() }}",
        "{{ 'x'.encode() }}",
        "{{ 1 | attr('real') }}",
        "{{ lipsum(n=100) }}",
        "{% include 'other' %}",
        "{% import 'other' as other %}",
        "{% extends 'other' %}",
        "{% autoescape true %}{% endautoescape %}",
        "{{ ('x' | safe).ljust(100) }}",
    ],
)
def test_nothing_leads_out(source: str) -> None:
    with pytest.raises((SecurityError, TemplateError, Refused)):
        rendered(source, messages=[])


DOUBLING = "{%% set ns = namespace(x='xxxxxxxxxxxxxxxx') %%}{%% for i in range(100) %%}%s{%% endfor %%}{{ ns.x }}"


TWICE = (
    "{% set ns = namespace(l=(1,), m=(1,)) %}{% for i in range(60) %}"
    "{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}"
)
"""Two tuples that are equal, of 2^60 parts in a few kilobytes."""

ONE_PLACE = (
    "{% set s %}{% for i in range(50000) %}{{ i * 2305843009213693951 }},{% endfor %}{% endset %}"
    "{% set l = s[:-1].split(',') | map('int') | list %}"
)
"""Numbers of which all have the same hash."""


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in 'x' * 9999 %}{% for b in 'x' * 9999 %}{% endfor %}{% endfor %}",
        DOUBLING % "{% set ns.x = ns.x ~ ns.x %}",
        DOUBLING % "{% set ns.x = ns.x + ns.x %}",
        DOUBLING % "{% set ns.x = ns.x * 2 %}",
        DOUBLING % "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}",
        DOUBLING % "{% set ns.x = ns.x.replace('x', 'xx') %}",
        DOUBLING % "{% set ns.x = ns.x | replace('x', 'xx') %}",
        DOUBLING % "{% set ns.x = [ns.x, ns.x] %}",
        "{% set b = 'x' * 999999 %}{% set ns = namespace(l=[]) %}"
        "{% for i in range(9999) %}{% set ns.l = ns.l + [b[1:]] %}{% endfor %}",
        "{{ ['x' * 999999] * 1000 }}",
        "{{ '' ~ ['x' * 999999] * 1000 }}",
        "{{ range(99999) | map('string') | join('x' * 9999) }}",
        "{% for i in range(99999) %}" + "y" * 20_000 + "{% endfor %}",
        *(TWICE + each for each in ("{{ ns.l == ns.m }}", "{{ ns.l in [ns.m] }}", "{{ [ns.l].count(ns.m) }}")),
        *(TWICE + each for each in ("{{ [ns.l, ns.m] | sort }}", "{{ {ns.l: 1} }}", "{{ raise_exception(ns.l) }}")),
        "{% macro m(n) %}{% if n %}{{ m(n - 1, varargs, varargs) }}{% else %}{{ varargs == varargs[:1] + varargs[:1] }}"
        "{% endif %}{% endmacro %}{{ m(40, 1) }}",
        "{{ ([''] * 90000) | map('default', 'x' * 999999, true) | list }}",
        "{{ range(99999) | batch(999, 'x' * 999999) | list }}",
        "{% set l = range(99999) | list %}{% set x = ['x'] * 90000 %}{{ x | select('in', l) | list }}",
        "{% set l = range(99999) | list %}{% set m = range(99999) | list %}"
        "{% for i in range(99999) %}{% if l == m %}{% endif %}{% endfor %}",
        ONE_PLACE + "{{ l | unique | list }}",
        ONE_PLACE + "{{ dict(l | batch(2) | list) | length }}",
    ],
)
def test_nothing_grows_without_end(source: str) -> None:
    with pytest.raises(TooMuch):
        rendered(source)


def test_a_namespace_does_not_show_what_it_keeps() -> None:
    assert rendered("{{ namespace(x='y') }}") == "<namespace>"


def test_nothing_is_computed_when_a_template_is_compiled() -> None:
    Sandbox(datetime.now).from_string("{{ 9 ** 9 ** 9 }}{{ 'x' * 10 ** 12 }}{{ ['x'] * 10 ** 12 }}{{ 1 / 0 }}")
