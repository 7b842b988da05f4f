"""What the compiler is given."""

import json

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar_source import MAX_CHOICES, MAX_LARK, MAX_REGEX, compiled_source, lark_text
from tests.llm.following import follows, grammars

RULES = grammars()


@pytest.mark.parametrize("choice", ["yes", 'with "quotes"', "back\\slash", "two\nlines", "naïve ✓", "a/b", " "])
def test_a_choice_is_taken_letter_by_letter(choice: str) -> None:
    grammar = Grammar("choice", json.dumps(["no", choice]))
    assert follows(RULES, grammar, choice)
    assert not follows(RULES, grammar, choice + "!")


def test_one_choice_may_begin_as_another_ends() -> None:
    grammar = Grammar("choice", '["a", "ab", "abc d"]')
    assert all(follows(RULES, grammar, text) for text in ("a", "ab", "abc d"))
    assert not follows(RULES, grammar, "abc")


def test_thousands_of_choices_may_begin_alike() -> None:
    texts = [f"category/{index}" for index in range(5_000)]
    assert follows(RULES, Grammar("choice", json.dumps(texts)), texts[-1])
    assert not follows(RULES, Grammar("choice", json.dumps(texts)), "category/x")


def test_a_choice_that_is_there_twice_is_one() -> None:
    assert follows(RULES, Grammar("choice", '["a", "a"]'), "a")


@pytest.mark.parametrize(
    "source", ["[]", "{}", "[1]", "no", json.dumps(["a"] * (MAX_CHOICES + 1)), f'["{"a" * 300_000}"]']
)
def test_what_is_no_list_of_choices_is_refused(source: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        compiled_source(Grammar("choice", source, "guided_choice"))
    assert refused.value.where == "guided_choice"


@pytest.mark.parametrize("grammar", [Grammar("regex", "a" * (MAX_REGEX + 1)), Grammar("lark", "a" * (MAX_LARK + 1))])
def test_too_long_a_grammar_is_refused(grammar: Grammar) -> None:
    with pytest.raises(InvalidRequest, match="at most"):
        compiled_source(grammar)


def test_an_expression_holds_for_the_whole_text() -> None:
    grammar = Grammar("regex", r"\d{3}-[a-c]+")
    assert follows(RULES, grammar, "123-abc")
    assert not follows(RULES, grammar, "123-abcd")


@pytest.mark.parametrize(
    "source", ['start: "a" b+\nb: "b" | "c"', 'root ::= "a" b+\nb ::= "b" | "c"'], ids=["lark", "gbnf"]
)
def test_grammars_are_read_as_lark_or_as_gbnf(source: str) -> None:
    assert follows(RULES, Grammar("lark", source), "abcb")
    assert not follows(RULES, Grammar("lark", source), "ad")


def test_schemas_inside_a_grammar_are_bound_as_others_are() -> None:
    grammar = Grammar("lark", 'start: "call " %json {"type": "object", "properties": {"a": {"type": "null"}}} "."')
    assert follows(RULES, grammar, 'call {"a": null}.')
    assert not follows(RULES, grammar, 'call {"a":   null}.')


@pytest.mark.parametrize(
    "schema", ['{"uniqueItems": true}', '{"x-guidance": {}}', '{"multipleOf": 123456789}', "{", "3"]
)
def test_a_schema_inside_a_grammar_is_refused_as_others_are(schema: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        compiled_source(Grammar("lark", f"start: %json {schema}", "guided_grammar"))
    assert refused.value.where.startswith("guided_grammar")


def test_repeats_in_a_grammar_are_counted_too() -> None:
    with pytest.raises(InvalidRequest, match="too large"):
        compiled_source(Grammar("lark", "start: /(a{1000}){1000}/"))


def test_expressions_joined_too_often_are_refused() -> None:
    joined = " & ".join(f"/(?s:.*)a.{{{n}}}b(?s:.*)/" for n in range(40))
    with pytest.raises(InvalidRequest, match="at most"):
        compiled_source(Grammar("lark", f"start: X\nX: {joined}"))
    compiled_source(Grammar("lark", 'start: "&&&&&&&&&&&&&&&&" /~~~~~~~~~~~~~~/'))


def test_a_text_is_a_literal_of_lark() -> None:
    text = '</x>\n"\\'
    assert follows(RULES, Grammar("lark", f"start: {lark_text(text)}"), text)


CHESS = r"""# Force first move to "1. "
root    ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move    ::= (pawn | nonpawn | castle) [+#]?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle  ::= "O-O" "-O"?
"""
JAPANESE = r"""root ::= jp-char+ ([ \t\n] jp-char+)*
jp-char ::= [ぁ-ゟ] | [ァ-ヿ] | [、-〾] | [一-鿿]
"""
JSON = r"""root ::= "{" ws (string ":" ws [1-9] [0-9]{0,15})? "}" ws
string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws
ws ::= | " " | "\n" [ \t]{0,20}
"""
LINES = r"""root ::= item+
item ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
"""


@pytest.mark.parametrize(
    ("source", "text", "other"),
    [
        (CHESS, "1. e4 e5\n2. Nf3 O-O-O\n", "1. e4 e5\n2. Zf3 e5\n"),
        (JAPANESE, "日本 ひら", "日本 a"),
        (JSON, '{"a\\u00e9": 12} ', '{"a\\x": 12}'),
        (LINES, "- é\n- b\n", "- é\r\n"),
    ],
    ids=["chess", "japanese", "json", "list"],
)
def test_what_llama_cpps_examples_are_written_with_is_followed(source: str, text: str, other: str) -> None:
    assert follows(RULES, Grammar("lark", source), text)
    assert not follows(RULES, Grammar("lark", source), other)


ARITHMETIC = r"""root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
"""


def test_a_rule_of_characters_alone_leaves_what_comes_after_it() -> None:
    """A number may have a new line behind it, and so may what it stands in: llama.cpp follows both ways."""
    assert follows(RULES, Grammar("lark", ARITHMETIC), "a = 2 \nb+3=(4*c)\n")
    assert not follows(RULES, Grammar("lark", ARITHMETIC), "a = 2")


def test_escapes_of_gbnf_are_characters() -> None:
    source = r'root ::= "\u00e9" [\u0041-\u0043\x64] . "\""'
    assert follows(RULES, Grammar("lark", source), 'éB\n"')
    assert not follows(RULES, Grammar("lark", source), 'éEx"')


def test_tokens_in_gbnf_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="neither Lark nor GBNF"):
        compiled_source(Grammar("lark", "root ::= <think> [a-z]"))
