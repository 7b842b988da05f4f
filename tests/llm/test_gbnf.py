"""GBNF becomes Lark that follows the same texts, with terminals where they change nothing."""

import pytest

from headrace.llm import gbnf
from headrace.llm.gbnf import to_lark

JSON = r"""root ::= "{" ws (string ":" ws string ("," ws string ":" ws string)*)? "}" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
ws ::= | " " | "\n" [ \t]{0,20}
"""


def rules(source: str) -> set[str]:
    """The names of a grammar's rules, as Lark has them: terminals are in capitals."""
    return {line.partition(":")[0] for line in to_lark(source).splitlines()[2:] if line and line[0].isalpha()}


def test_a_rule_of_characters_that_ends_by_itself_is_a_terminal() -> None:
    assert rules(JSON) == {"start", "STRING", "WS"}


def test_one_that_would_take_what_follows_it_stays_a_rule() -> None:
    assert rules('root ::= (num "\\n")+\nnum ::= [0-9]+ ws\nws ::= [ \\n]*\nend ::= ";"') == {
        "start",
        "num",
        "ws",
        "END",
    }


def test_what_follows_is_found_through_other_rules() -> None:
    source = 'root ::= list\nlist ::= one more?\nmore ::= gap? "," list\none ::= [a-z,]+\ngap ::= " "'
    assert rules(source) == {"start", "list", "more", "one", "GAP"}


def test_rules_that_name_it_stay_rules_too() -> None:
    assert rules('root ::= b | a "x"\na ::= [x]+\nb ::= "-" a') == {"start", "a", "b"}


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    assert rules('root ::= a-x "x" a_x\na-x ::= [x]+\na_x ::= "(" a_x? ")"') == {"start", "a_x", "a_x_"}


@pytest.mark.parametrize("source", ["root ::= [", "root ::= x", 'other ::= "x"'])
def test_what_is_no_gbnf_is_refused(source: str) -> None:
    with pytest.raises(Exception, match=r"Unexpected|not found|No 'root'"):
        to_lark(source)


def test_large_classes_count_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gbnf, "MOST_STEPS", 5_000)
    many = "".join(chr(0x4E00 + 2 * place) for place in range(1_000))
    assert rules(f"root ::= a [{many}]\na ::= [{many}]*") == {"start", "A"}


def test_a_grammar_that_takes_too_long_has_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gbnf, "MOST_STEPS", 10)
    assert rules('root ::= (num "\\n")+\nnum ::= [0-9\\n]+') == {"start", "NUM"}
