"""Grammars over a small vocabulary, and texts that follow them at random."""

import random

import numpy as np

from headrace.generation import Grammar
from headrace.llm.grammar import Grammars, Matcher

EOS = 256
TOKENS = [bytes((byte,)) for byte in range(256)]
TOKENS += [
    b"",
    b'{"',
    b'": ',
    b'", "',
    b"},",
    b"}]",
    b"true",
    b"null",
    b"\n  ",
    b"12",
    b'"}',
    b"[]",
    b"{}",
    b"abc",
    b".5",
]


def grammars(capacity: int = 64) -> Grammars:
    return Grammars(TOKENS, frozenset((EOS,)), (EOS,), capacity=capacity)


def spelt(text: str) -> list[int]:
    return list(text.encode())


def allowed(matcher: Matcher, rules: Grammars) -> list[int]:
    row = np.zeros(rules.words, np.int32)
    matcher.fill(row)
    found: list[int] = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist()
    return found


def follows(rules: Grammars, grammar: Grammar, text: str) -> bool:
    """Whether a text satisfies a grammar."""
    matcher = rules.compile(grammar)
    return matcher.accept(spelt(text)) == len(text.encode()) and matcher.may_end


def random_text(matcher: Matcher, rules: Grammars, chance: random.Random, most: int = 3_000) -> str | None:
    """A text that a model might write which knows nothing but the masks, and likes to end; None where it does not."""
    text = b""
    for step in range(most):
        ids = allowed(matcher, rules)
        assert ids, "nothing is allowed"
        if EOS in ids and (len(ids) == 1 or chance.random() < 0.5):
            return text.decode()
        ids = [token_id for token_id in ids if token_id != EOS]
        if step > 40 or chance.random() < 0.4:
            ids = [token_id for token_id in ids if TOKENS[token_id][:1] in b'"}],:'] or ids
        chosen = chance.choice(ids)
        assert matcher.accept([chosen]) == 1
        text += TOKENS[chosen]
    return None
