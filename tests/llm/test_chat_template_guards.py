"""What a template calls is measured before it makes much of little."""

from typing import Any

import pytest

from headrace.llm.chat_template_budget import Budget, TooMuch
from headrace.llm.chat_template_guards import MAX_WIDTH, Refused, before, joined, may_call, operate, to_json

BIG = "x" * 1_000_000
DEEP: list[Any] = ["x"] * 9_000
for _ in range(150):
    DEEP = [DEEP]
"""Short by itself, and 150 levels deep."""


@pytest.mark.parametrize("method", ["".split, {}.get, [].index, ().count, (1).bit_length, "".format])
def test_methods_that_only_read_may_be_called(method: Any) -> None:
    assert may_call(method)


@pytest.mark.parametrize(
    "method", ["".ljust, "".encode, "".format_map, {}.update, [].append, (1).to_bytes, len, b"".hex]
)
def test_methods_that_pad_change_or_lead_elsewhere_may_not(method: Any) -> None:
    assert not may_call(method)


@pytest.mark.parametrize(
    ("name", "owner", "arguments"),
    [
        ("replace", "a-b", ("-", "+")),
        ("join", ", ", (["a", "b"],)),
        ("join", ["a", "b"], (", ",)),
        ("split", BIG, ("\n",)),
        ("split", "a b", ()),
        ("indent", "a\nb", (4,)),
        ("tojson", {"a": [1, 2]}, ()),
        ("format", "In 2024 {} and {:>5}", ("a", 1)),
        ("sum", [1, 2], ()),
        ("list", "abc", ()),
        ("strip", BIG, ()),
    ],
)
def test_what_templates_do_passes(name: str, owner: Any, arguments: tuple[Any, ...]) -> None:
    before(name, owner, arguments, {}, Budget())


@pytest.mark.parametrize(
    ("name", "owner", "arguments", "named"),
    [
        ("replace", BIG, ("", BIG), {}),
        ("replace", BIG, ("x", BIG), {}),
        ("replace", BIG, (), {"new": BIG, "old": "x"}),
        ("join", BIG, (BIG,), {}),
        ("join", ["a"] * 100, (BIG,), {}),
        ("join", BIG, (["a"] * 100,), {}),
        ("split", BIG * 2, ("x",), {}),
        ("list", BIG * 2, (), {}),
        ("indent", "\n" * 1_000_000, (100,), {}),
        ("indent", "\n" * 1_000_000, (BIG,), {}),
        ("indent", "a", (MAX_WIDTH + 1,), {}),
        ("batch", [1], (MAX_WIDTH + 1,), {}),
        ("tojson", [BIG] * 10, (), {}),
        ("tojson", DEEP, (), {"indent": 16}),
        ("round", 1, (-(10**9),), {}),
        ("string", [BIG] * 100, (), {}),
        ("sum", [[1]], (), {"start": []}),
        ("sum", [BIG] * 100, ("",), {}),
        ("format", "{:1000}", (1,), {}),
        ("format", "{:{}}", (1, 10**9), {}),
        ("format", "%*d", (10**9, 1), {}),
        ("format", "{}" * 1000, (BIG,), {}),
    ],
)
def test_what_would_grow_is_refused_before_it_does(
    name: str, owner: Any, arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises((Refused, TooMuch)):
        before(name, owner, arguments, named, Budget())


@pytest.mark.parametrize(
    ("operation", "left", "right", "result"),
    [
        ("+", "a", "b", "ab"),
        ("*", "-", 3, "---"),
        ("**", 2, 8, 256),
        ("%", "%s!", "a", "a!"),
        ("%", 7, 4, 3),
        ("//", 7, 4, 1),
        ("//", 7.5, 2, 3.0),
        ("*", 1.5, 2, 3.0),
    ],
)
def test_operators_do_what_they_do(operation: str, left: Any, right: Any, result: Any) -> None:
    assert operate(operation, left, right, Budget()) == result


@pytest.mark.parametrize(
    ("operation", "left", "right"),
    [
        ("**", 9, 9**9),
        ("*", 1 << 4000, 1 << 4000),
        ("//", 1 << 4000, 1 << 2000),
        ("*", "x", 10**10),
        ("*", 10**10, "x"),
        ("*", [1], 10**9),
        ("%", "%1000d", 1),
        ("%", "%s" * 100, (BIG,)),
        ("+", BIG * 9, BIG * 9),
    ],
)
def test_operators_compute_nothing_large(operation: str, left: Any, right: Any) -> None:
    with pytest.raises((Refused, TooMuch)):
        operate(operation, left, right, Budget())


def test_joining_is_charged_before_it_is_done() -> None:
    assert joined(iter("ab"), Budget()) == "ab"
    with pytest.raises(TooMuch):
        joined([BIG] * 1000, Budget())


def test_json_is_written_as_it_is() -> None:
    assert to_json({"a": "<é>"}) == '{"a": "<é>"}'
    assert to_json({"b": 1, "a": 2}, indent=1, sort_keys=True) == '{\n "a": 2,\n "b": 1\n}'
    for more in ({"indent": 100}, {"separators": ("x" * 100, ":")}):
        with pytest.raises(Refused):
            to_json([1], **more)
