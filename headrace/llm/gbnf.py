"""A GBNF grammar, as llama.cpp has it, as Lark: rules of characters alone become terminals where that changes nothing.

A terminal costs the compiler a hundredth of what a rule costs it for each token of a long text, but takes as many
characters as it can, where llama.cpp follows all ways at once: `num ::= [0-9]+ [ \\n]*`, as a terminal, leaves no
"\\n" to what comes after it. A rule stays one where a character that may follow it could also go on with it.
"""

from contextlib import suppress

from llguidance.gbnf_to_lark import (
    AlternativeNode,
    ASTNode,
    GrammarParser,
    LiteralNode,
    RegexNode,
    RepetitionNode,
    RuleNode,
    RuleRefNode,
    SequenceNode,
    resolve,
)

from headrace.llm.gbnf_characters import as_lark, of_text, read_class, read_text
from headrace.llm.gbnf_places import Places, TooMuch, Work

MOST_RULES, MOST_STEPS = 1_000, 300_000
"""Of a grammar that is looked through, a step being about a microsecond; rules of a larger one are terminals unseen."""

Set = frozenset[tuple[int, int]]  # of ranges
NOTHING: Set = frozenset()


def to_lark(source: str) -> str:
    """Raises the library's exceptions, none narrower than Exception, for what is no GBNF."""
    rules = GrammarParser().parse(source)
    resolve(rules)
    listed = list(rules.values())
    work = Work(MOST_STEPS) if len(listed) <= MOST_RULES else Work(0)
    while greedy := _greedy(listed, work):
        for rule in _naming(greedy, listed):
            rule.rule_is_terminal = False
            rule.name = _free(rule.name.lower(), {each.name for each in listed})
    _reword(listed)
    return "%llguidance {}\n\n" + "\n".join(map(str, listed)) + "\n"


def _reword(rules: list[RuleNode]) -> None:
    """Escapes as Lark has them: it takes four digits behind u, and the library leaves zeros away."""
    for rule in rules:
        for node in _within(rule):
            if isinstance(node, RegexNode):
                node.rx = str(read_class(node.rx))
            elif isinstance(node, LiteralNode):
                node.value = as_lark(read_text(node.value))


def _naming(greedy: list[RuleNode], rules: list[RuleNode]) -> list[RuleNode]:
    """They, and the terminals that name them, directly or by others: no terminal may name a rule."""
    found = list(greedy)
    for named in found:
        for rule in rules:
            if rule.rule_is_terminal and rule not in found and named in _named(rule):
                found.append(rule)
    return found


def _named(rule: RuleNode) -> list[RuleNode]:
    return [node.target for node in _within(rule) if isinstance(node, RuleRefNode) and node.target is not None]


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def _greedy(rules: list[RuleNode], work: Work) -> list[RuleNode]:
    """The terminals that would take what may follow them; those for which no work is left are not looked at."""
    found: list[RuleNode] = []
    with suppress(TooMuch):
        following = _Following(rules, work)
        for rule in rules:
            behind = tuple(following.behind(rule))
            if rule.rule_is_terminal and behind and Places(rule.alternatives, work).goes_on(behind):
                found.append(rule)
    return found


class _Following:
    """The characters that may come right behind each rule, where it is named by one that is no terminal.

    FIRST and FOLLOW, as in Aho, Lam, Sethi and Ullman, Compilers (2nd edition, 2007), 4.4.2.
    """

    def __init__(self, rules: list[RuleNode], work: Work) -> None:
        self._work = work
        self._first: dict[int, tuple[bool, Set]] = {id(rule): (False, NOTHING) for rule in rules}
        self._behind: dict[int, Set] = {id(rule): NOTHING for rule in rules}
        while self._changed(self._first, {id(rule): self._begin(rule.alternatives) for rule in rules}):
            pass
        open_rules = [rule for rule in rules if not rule.rule_is_terminal]
        while True:
            before = dict(self._behind)
            for rule in open_rules:
                self._follow(rule.alternatives, self._behind[id(rule)])
            if before == self._behind:
                return

    def behind(self, rule: RuleNode) -> Set:
        return self._behind[id(rule)]

    @staticmethod
    def _changed(known: dict[int, tuple[bool, Set]], found: dict[int, tuple[bool, Set]]) -> bool:
        changed = known != found
        known.update(found)
        return changed

    def _begin(self, node: ASTNode) -> tuple[bool, Set]:
        """Whether it may be empty, and the characters that it begins with, as far as rules are known."""
        self._work.spend(1)
        match node:
            case LiteralNode(value):
                found = of_text(value)
                return (False, frozenset(found[0])) if found else (True, NOTHING)
            case RegexNode(rx):
                self._work.spend(len(rx))
                return False, frozenset(read_class(rx).characters)
            case RuleRefNode(target=rule) if rule is not None:
                self._work.spend(len(self._first[id(rule)][1]))
                return self._first[id(rule)]
            case SequenceNode(nodes):
                return self._begin_of(nodes)
            case AlternativeNode(alternatives):
                begun = [self._begin(each) for each in alternatives]
                return any(empty for empty, _ in begun), NOTHING.union(*(first for _, first in begun))
            case RepetitionNode(inner, least, _):
                empty, first = self._begin(inner)
                return empty or least == 0, first
        return True, NOTHING

    def _begin_of(self, nodes: list[ASTNode]) -> tuple[bool, Set]:
        found = NOTHING
        for node in nodes:
            empty, first = self._begin(node)
            found |= first
            if not empty:
                return False, found
        return True, found

    def _follow(self, node: ASTNode, behind: Set) -> None:
        """Tell the rules within a node, behind which this may come, what may come behind them."""
        self._work.spend(1)
        match node:
            case RuleRefNode(target=rule) if rule is not None:
                self._work.spend(len(behind))
                self._behind[id(rule)] |= behind
            case SequenceNode(nodes):
                for place, each in enumerate(nodes):
                    empty, first = self._begin_of(nodes[place + 1 :])
                    self._follow(each, first | behind if empty else first)
            case AlternativeNode(alternatives):
                for each in alternatives:
                    self._follow(each, behind)
            case RepetitionNode(inner, _, most):
                again = self._begin(inner)[1] if most is None or most > 1 else NOTHING
                self._follow(inner, behind | again)


def _within(node: ASTNode) -> list[ASTNode]:
    """All nodes within one."""
    return [found for each in node.children() for found in (each, *_within(each))]
