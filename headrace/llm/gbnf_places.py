"""What may go on with a text that a rule of characters takes already: its automaton, by Glushkov's construction.

V. M. Glushkov, The abstract theory of automata, Russian Mathematical Surveys 16 (1961): each character of an
expression is a place, and a text is followed through the sets of places that it may have come to.
"""

from collections import deque
from typing import NamedTuple

from llguidance.gbnf_to_lark import (
    AlternativeNode,
    ASTNode,
    LiteralNode,
    RegexNode,
    RepetitionNode,
    RuleRefNode,
    SequenceNode,
)

from headrace.llm.gbnf_characters import Characters, meet, of_text, parted, read_class


class TooMuch(Exception):
    """More steps than may be taken."""


class Work:
    """So many steps are left."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int) -> None:
        """Raises TooMuch where they are not left."""
        self._left -= steps
        if self._left < 0:
            raise TooMuch


class _Part(NamedTuple):
    """Of an expression: whether it takes an empty text, and the places that a text begins and ends with."""

    empty: bool
    first: frozenset[int]
    last: frozenset[int]


NONE: frozenset[int] = frozenset()
EMPTY = _Part(True, NONE, NONE)


class Places:
    """Those of an expression and of all rules that it names. Raises TooMuch."""

    def __init__(self, expression: ASTNode, work: Work) -> None:
        self._work = work
        self._characters: list[Characters] = []
        self._onward: list[set[int]] = []
        self._whole = self._part(expression)

    def goes_on(self, following: Characters) -> bool:
        """Whether one of these characters, behind a text that it takes, goes on with a longer one. Raises TooMuch."""
        points = parted([*self._characters, following])
        self._work.spend(len(points) * len(following))
        behind = [point for point in points if meet(following, point)]
        begin = self._whole.first
        if self._whole.empty and self._next(begin, behind):
            return True
        known, waiting = {begin}, deque([begin])
        while waiting:
            reachable = waiting.popleft()
            for point in points:
                here = self._next(reachable, [point])
                onward = NONE.union(*(self._onward[place] for place in here))
                if here & self._whole.last and self._next(onward, behind):
                    return True
                if onward not in known:
                    known.add(onward)
                    waiting.append(onward)
        return False

    def _next(self, reachable: frozenset[int], points: list[int]) -> frozenset[int]:
        """Of the places those that one of these characters leads to."""
        self._work.spend(sum(len(self._characters[place]) for place in reachable) * len(points) + 1)
        return frozenset(place for place in reachable if any(meet(self._characters[place], point) for point in points))

    def _part(self, node: ASTNode) -> _Part:
        match node:
            case LiteralNode(value):
                return self._sequence([self._place(each) for each in of_text(value)])
            case RegexNode(rx):
                self._work.spend(len(rx))
                return self._place(read_class(rx).characters)
            case RuleRefNode(target=rule) if rule is not None:
                return self._part(rule.alternatives)
            case SequenceNode(nodes):
                return self._sequence([self._part(each) for each in nodes])
            case AlternativeNode(alternatives):
                parts = [self._part(each) for each in alternatives]
                first, last = (NONE.union(*sets) for sets in zip(*((p.first, p.last) for p in parts), strict=True))
                return _Part(any(part.empty for part in parts), first, last)
            case RepetitionNode(inner, least, most):
                return self._repeated(inner, least, most)
        raise TooMuch  # of a kind that is not known here

    def _place(self, characters: Characters) -> _Part:
        self._characters.append(characters)
        self._onward.append(set())
        here = frozenset([len(self._characters) - 1])
        return _Part(False, here, here)

    def _sequence(self, parts: list[_Part]) -> _Part:
        whole = EMPTY
        for part in parts:
            self._work.spend(1 + len(whole.last) * len(part.first))
            for place in whole.last:
                self._onward[place] |= part.first
            first = whole.first | part.first if whole.empty else whole.first
            last = whole.last | part.last if part.empty else part.last
            whole = _Part(whole.empty and part.empty, first, last)
        return whole

    def _repeated(self, inner: ASTNode, least: int, most: int | None) -> _Part:
        """So many times one behind the other, those above the least optional, the last again and again."""
        if most == 0:
            return EMPTY
        parts = [self._part(inner) for _ in self._spent(most if most is not None else max(least, 1))]
        if most is None:
            self._work.spend(len(parts[-1].last) * len(parts[-1].first))
            for place in parts[-1].last:
                self._onward[place] |= parts[-1].first
        free = [part._replace(empty=True) for part in parts[least:]]
        return self._sequence([*parts[:least], *free])

    def _spent(self, times: int) -> range:
        self._work.spend(times)
        return range(times)
