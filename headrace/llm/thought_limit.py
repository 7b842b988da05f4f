"""How long a model may think: the token that ends its thoughts is put where they would grow too long."""

from headrace.llm.reasoning import Marks, Stage


class ThoughtLimit:
    """Counts the tokens of one text's thoughts. Owned by its choice. Only where marks are tokens."""

    def __init__(self, marks: Marks, stage: Stage, most: int) -> None:
        """`stage` at the beginning of the text; `most` tokens of thoughts, their marks not counted."""
        assert marks.end_id is not None
        self._marks = marks
        self._end_id = marks.end_id
        self._stage = stage
        self._left = most

    def take(self, token_id: int) -> int:
        """The token that the text goes on by where `token_id` was chosen: that one, or the end of thoughts."""
        if self._stage == "inside" and not self._left:
            token_id = self._end_id
        before, self._stage = self._stage, self._marks.after(self._stage, token_id)
        self._left -= before == self._stage == "inside"
        return token_id
