"""A text told apart as it comes: thoughts, and the answer behind them."""

from headrace.llm.reasoning import Marks, Stage

_SPACES = " \t\r\n"


class Thoughts:
    """Watches one text. Belongs to its choice.

    All that is given out, one piece after another, is the text without its marks and the white space beside them.
    """

    def __init__(self, marks: Marks, stage: Stage, exact: bool = False) -> None:
        """`exact` keeps the white space before the answer: a grammar may ask for it."""
        self.num_tokens = 0
        """Of thoughts so far, their marks included."""
        self._marks = marks
        self._stage = stage
        self._exact = exact
        self._held = ""  # fed and not decidable
        self._fresh = True  # nothing of what is under way was given out yet

    def feed(self, piece: str, token_id: int | None = None) -> tuple[str, str]:
        """The thoughts and the answer that are certain now; `token_id` is the token that completed the piece."""
        if self._stage == "after" and not (self._held or self._fresh):
            return "", piece
        self._held += piece
        inside = self._stage == "inside"
        begun = self._stage == "before" and self._begins(token_id)
        thoughts = self._thoughts(token_id) if inside or begun else ""
        self.num_tokens += token_id is not None and (inside or begun)
        return thoughts, self._answer() if self._stage == "after" else ""

    def finish(self) -> tuple[str, str]:
        """What was held back, where the text ends."""
        held, self._held = self._held, ""
        if self._stage == "inside":
            return held.strip(_SPACES) if self._fresh else held.rstrip(_SPACES), ""
        return "", held if self._stage == "before" else ""

    def _begins(self, token_id: int | None) -> bool:
        """Whether thoughts have begun just now; where it is certain that none come, the answer has."""
        mark = self._marks.begin
        inner = self._held.lstrip(_SPACES)
        if self._marks.are_tokens:
            found, open_ = token_id == self._marks.begin_id and inner.endswith(mark), not inner
        else:
            found, open_ = inner.startswith(mark), mark.startswith(inner)
        if found:
            self._stage, self._held = "inside", inner[inner.index(mark) + len(mark) :]
        elif not open_:
            self._stage, self._fresh = "after", False
        return found

    def _thoughts(self, token_id: int | None) -> str:
        """What is certain of them, up to the mark that ends them."""
        mark, held = self._marks.end, self._held.lstrip(_SPACES) if self._fresh else self._held
        if self._marks.are_tokens:
            at, certain = held.rfind(mark) if token_id == self._marks.end_id else -1, len(held)
        else:
            at, certain = held.find(mark), len(held) - _begun(held, mark)
        if at >= 0:
            self._stage, self._fresh, self._held = "after", True, held[at + len(mark) :]
            return held[:at].rstrip(_SPACES)
        told = held[:certain].rstrip(_SPACES)
        self._held = held[len(told) :]
        self._fresh = self._fresh and not told
        return told

    def _answer(self) -> str:
        """Text behind thoughts, whose first white space is left out."""
        told = self._held.lstrip(_SPACES) if self._fresh and not self._exact else self._held
        self._held = ""
        self._fresh = self._fresh and not told
        return told


def _begun(text: str, mark: str) -> int:
    """How many characters at the end of a text may begin a mark."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0
