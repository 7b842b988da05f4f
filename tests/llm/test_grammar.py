"""Grammars, and the masks that they give."""

import itertools
import json
import random
import threading
import time

import numpy as np
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar import Grammars
from headrace.llm.grammar_schema import MAX_PROPERTIES
from tests.llm.following import EOS, TOKENS, allowed, follows, grammars, random_text, spelt

OBJECT = Grammar("json_object", where="response_format")
AMBIGUOUS = 'start: s\ns: s s | s s s | "a" | "b" | " " | "ab"'
AB = Grammar("regex", "ab+", "regex")


@pytest.fixture(scope="module")
def rules() -> Grammars:
    return grammars()


def test_a_mask_has_a_bit_for_each_token_that_may_come(rules: Grammars) -> None:
    matcher = rules.compile(AB)
    assert allowed(matcher, rules) == [ord("a"), TOKENS.index(b"abc")][:1]
    assert matcher.accept(spelt("ab")) == 2
    assert allowed(matcher, rules) == [ord("b"), EOS]


def test_a_mask_of_another_size_is_a_fault_of_the_caller(rules: Grammars) -> None:
    with pytest.raises(ValueError, match="int32 values"):
        rules.compile(AB).fill(np.zeros(rules.words + 1, np.int32))
    with pytest.raises(ValueError, match="int32 values"):
        rules.compile(AB).fill(np.zeros(rules.words, np.int64))


def test_ids_that_stand_for_nothing_are_never_allowed() -> None:
    rules = Grammars([*TOKENS, b"", b"", b""], frozenset((EOS,)), (EOS,))
    assert max(allowed(rules.compile(Grammar("regex", "(?s:.*)")), rules)) < len(TOKENS)


def test_any_of_several_ends_will_do() -> None:
    rules = Grammars([*TOKENS, b"<end>"], frozenset((EOS, len(TOKENS))), (EOS, len(TOKENS)))
    matcher = rules.compile(Grammar("choice", '["a"]'))
    assert matcher.accept(spelt("a")) == 1
    assert allowed(matcher, rules) == [EOS, len(TOKENS)]


def test_tokens_are_accepted_up_to_the_first_that_is_not_allowed(rules: Grammars) -> None:
    matcher = rules.compile(AB)
    assert matcher.allowed(spelt("abxb")) == 2
    assert matcher.accept(spelt("abxb")) == 2
    assert matcher.accept(spelt("b")) == 1


def test_drafts_that_the_model_refused_are_taken_back(rules: Grammars) -> None:
    matcher = rules.compile(Grammar("regex", "abc"))
    matcher.accept(spelt("a"))
    before = allowed(matcher, rules)
    assert matcher.accept([*spelt("bc"), EOS, EOS]) == 4
    matcher.rollback(4)
    assert allowed(matcher, rules) == before
    assert not matcher.is_complete


def test_what_was_not_accepted_cannot_be_taken_back(rules: Grammars) -> None:
    with pytest.raises(ValueError, match="taken back"):
        rules.compile(AB).rollback(1)


def test_a_complete_text_is_known_before_its_end_comes(rules: Grammars) -> None:
    matcher = rules.compile(Grammar("choice", '["yes", "no"]'))
    matcher.accept(spelt("ye"))
    assert not matcher.may_end
    matcher.accept(spelt("s"))
    assert matcher.may_end and matcher.is_complete
    assert allowed(matcher, rules) == [EOS]
    assert matcher.accept([EOS]) == 1
    assert matcher.accept(spelt("s")) == 0


def test_a_text_that_may_go_on_is_not_complete(rules: Grammars) -> None:
    matcher = rules.compile(AB)
    matcher.accept(spelt("ab"))
    assert matcher.may_end and not matcher.is_complete
    assert matcher.accept([EOS]) == 1
    assert matcher.is_complete


def test_forced_text_is_spelt_by_the_longest_tokens(rules: Grammars) -> None:
    matcher = rules.compile(Grammar("regex", "x(abcabc)y|xabcabcz"))
    assert b"".join(TOKENS[token_id] for token_id in matcher.forced()).startswith(b"xabcabc"[:6])
    assert TOKENS.index(b"abc") in matcher.forced()


def test_forced_text_is_spelt_as_the_model_is_used_to() -> None:
    rules = Grammars(TOKENS, frozenset((EOS,)), (EOS,), encode=spelt)
    assert rules.compile(Grammar("regex", "abcabc[xy]z")).forced()[:3] == spelt("abc")


def test_text_that_must_come_is_not_spelt_to_its_end_for_every_token() -> None:
    lengths = []

    def encode(text: str) -> list[int]:
        lengths.append(len(text))
        return spelt(text)

    rules = Grammars(TOKENS, frozenset((EOS,)), (EOS,), encode=encode)
    matcher = rules.compile(Grammar("choice", json.dumps(["ab" * 50_000])))
    for character in "abab":
        assert allowed(matcher, rules) == spelt(character)
        assert matcher.accept(spelt(character)) == 1
    assert max(lengths) <= 1024


@pytest.mark.parametrize("more", [True, False])
def test_any_property_of_the_largest_object_can_be_written(more: bool) -> None:
    lines = [b"\n" + b" " * indentation + b'"' for indentation in range(16)]
    rules = Grammars([*TOKENS, *lines], frozenset((EOS,)), (EOS,))
    properties = {f"abc{number}": {"type": "string"} for number in range(MAX_PROPERTIES)}
    schema = {"type": "object", "properties": properties, "additionalProperties": more}
    matcher = rules.compile(Grammar("json_schema", json.dumps(schema)))
    for token_id in spelt('{"abc7":"a","abc1234":"b"}'):
        assert allowed(matcher, rules)
        assert matcher.accept([token_id]) == 1
    assert matcher.is_complete


def test_a_copy_goes_its_own_way(rules: Grammars) -> None:
    one = rules.compile(Grammar("choice", '["yes", "no"]'))
    other = one.copy()
    assert one.accept(spelt("yes")) == 3
    assert other.accept(spelt("no")) == 2


def test_matchers_of_one_grammar_do_not_know_each_other(rules: Grammars) -> None:
    assert rules.compile(AB).accept(spelt("abb")) == 3
    assert rules.compile(AB).accept(spelt("a")) == 1


def test_grammars_used_last_are_kept() -> None:
    rules = grammars(capacity=2)
    sources = [Grammar("regex", text) for text in ("a", "b", "a", "c", "a")]
    for grammar in sources:
        rules.compile(grammar)
    assert [source for _, source in rules._kept] == ["c", "a"]


def test_grammars_are_compiled_in_threads_at_once(rules: Grammars) -> None:
    texts = [f"[a-z]{{{n}}}" for n in range(1, 9)]
    ends: list[str] = []

    def compile_and_follow(text: str) -> None:
        found = random_text(rules.compile(Grammar("regex", text)), rules, random.Random(text))
        ends.append(found or "")

    threads = [threading.Thread(target=compile_and_follow, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, ends)) == list(range(1, 9))


@pytest.mark.parametrize("source", ["a{1000}b{1000}(c|d){1000}", "(a*)*b", "(.*a.{20}){20}", "((a?){20}a{20}){20}"])
def test_an_expression_that_explodes_elsewhere_is_compiled_at_once(rules: Grammars, source: str) -> None:
    begun = time.perf_counter()
    allowed(rules.compile(Grammar("regex", source)), rules)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("source", ["(a", r"(a)\1", "(?=a)b", r"[^\s\S]", "(a{1000}){1000}"])
def test_an_expression_that_cannot_be_followed_is_refused(rules: Grammars, source: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules.compile(Grammar("regex", source, "guided_regex"))
    assert refused.value.where == "guided_regex"


@pytest.mark.parametrize("source", ["start: nowhere", "start: start", "start: (", "", "not a grammar at all"])
def test_lark_that_is_none_is_refused(rules: Grammars, source: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules.compile(Grammar("lark", source, "guided_grammar"))
    assert refused.value.where == "guided_grammar"
    assert "<" not in refused.value.message


def test_what_becomes_too_costly_ends_with_the_field_it_came_in(rules: Grammars) -> None:
    matcher = rules.compile(Grammar("regex", "(a?){1000}a{1000}", "guided_regex"))
    with pytest.raises(InvalidRequest) as refused:
        for _ in range(2_000):
            matcher.accept(spelt("a"))
            allowed(matcher, rules)
    assert refused.value.where == "guided_regex"


def test_ambiguous_rules_end_before_a_mask_of_theirs_is_slow() -> None:
    tokens = [
        "".join(letters).encode() for length in range(1, 9) for letters in itertools.product("ab ", repeat=length)
    ]
    rules = Grammars([b"", *tokens], frozenset({0}), (0,))
    with pytest.raises(InvalidRequest, match="Too many items") as refused:
        matcher = rules.compile(Grammar("lark", AMBIGUOUS, "structured_outputs.grammar"))
        for _ in range(8):
            matcher.accept([tokens.index(b"abab") + 1])
            matcher.fill(np.zeros(rules.words, np.int32))
    assert refused.value.where == "structured_outputs.grammar"
    assert "25000" in refused.value.message


def paced(mask_s: float) -> Grammars:
    return Grammars(TOKENS, frozenset((EOS,)), (EOS,), cpu_s=itertools.count(0, mask_s).__next__)


def test_a_request_whose_masks_are_slow_time_and_again_ends_all_its_texts_counted() -> None:
    rules = paced(0.125)
    matcher = rules.compile(Grammar("regex", "a*", "guided_regex"))
    other = matcher.copy()
    for _ in range(4):
        allowed(matcher, rules), allowed(other, rules)
    with pytest.raises(InvalidRequest, match=r"^guided_regex: cannot be followed: .* took over 20 ms"):
        allowed(other, rules)


def test_masks_of_another_request_for_the_same_grammar_and_quick_ones_are_not_counted() -> None:
    for rules, requests in ((paced(0.125), 10), (paced(0.0156), 1)):
        for _ in range(requests):
            matcher = rules.compile(Grammar("regex", "a*"))
            for _ in range(8 if requests > 1 else 100):
                allowed(matcher, rules)


def test_nothing_is_drafted_where_masks_are_slow() -> None:
    for mask_s, most in ((0.125, 0), (0.0156, 2)):
        rules = paced(mask_s)
        matcher = rules.compile(AB)
        assert matcher.allowed(spelt("ab")) == 2
        allowed(matcher, rules)
        assert matcher.allowed(spelt("ab")) == most


def test_json_is_followed_however_slow_the_machine() -> None:
    rules = paced(0.125)
    matcher = rules.compile(OBJECT)
    for _ in range(100):
        allowed(matcher, rules)


def test_a_reason_is_one_of_ours_or_short(rules: Grammars) -> None:
    with pytest.raises(InvalidRequest, match="no text at all"):
        rules.compile(Grammar("regex", r"[^\s\S]"))
    with pytest.raises(InvalidRequest, match="oneOf cannot be enforced"):
        rules.compile(Grammar("json_schema", '{"oneOf": [{"type": "integer"}, {"type": "number"}]}'))


@pytest.mark.parametrize("text", ['{"a": [1, {"b": null}]}', "{}", '{\n  "a": "\\u0001\\n"\n}'])
def test_any_json_object_is_one(rules: Grammars, text: str) -> None:
    assert follows(rules, OBJECT, text)


@pytest.mark.parametrize("text", ["[]", '{"a":   1}', '{\n\n"a": 1}', "{} ", '{"a": 1,}', "{'a': 1}"])
def test_white_space_in_json_is_bounded_and_nothing_else_is_an_object(rules: Grammars, text: str) -> None:
    assert not follows(rules, OBJECT, text)


def test_random_objects_are_json(rules: Grammars) -> None:
    chance = random.Random(3)
    texts = [random_text(rules.compile(OBJECT), rules, chance) for _ in range(20)]
    complete = [text for text in texts if text is not None]
    assert len(complete) > 10
    assert all(isinstance(json.loads(text), dict) for text in complete)
