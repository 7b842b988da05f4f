"""A choice's text, from tokens to callers: characters made whole, thoughts and calls of tools taken out.

Stop strings are looked for, and calls read, in the answer only: thoughts may say what they like. Nor does a stop string
end a text that is to have more tokens.
"""

from collections.abc import Sequence

from headrace.deltas import in_order
from headrace.generation import Delta, Sampling, ToolCall
from headrace.llm.detokenize import Detokenizer
from headrace.llm.stop_strings import StopStrings
from headrace.llm.thoughts import Thoughts
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tool_parser import Parsed, ToolParser


class ToldText:
    """One text. Owned by its choice; nothing is fed once `ended`."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        sampling: Sampling,
        echo: str = "",
        parser: ToolParser | None = None,
        marks: Sequence[str] = (),
        thoughts: Thoughts | None = None,
    ) -> None:
        """`echo` comes first, and is not looked through; `parser` and `thoughts` belong to the text from now on, and
        `marks` are those that they must see."""
        shown = [tokenizer.token_id(mark) for mark in marks]
        self._detokenizer = Detokenizer(tokenizer, sampling.skip_special_tokens, shown=shown)
        self._stops = StopStrings(sampling.stop, sampling.include_stop)
        self._to_pass = sampling.min_tokens  # tokens yet in whose text nothing is a stop
        self._parser = parser
        self._thoughts = thoughts
        self._pieces: list[str | ToolCall] = [echo] if echo else []
        self._thought: list[str] = []
        self.stop: str | None = None  # the stop string that ended it

    @property
    def may_end(self) -> bool:
        """Whether something in it, a stop string apart, may end it."""
        return self._parser is not None

    @property
    def ended(self) -> bool:
        """Whether nothing that follows is told."""
        return self.stop is not None or (self._parser is not None and self._parser.is_complete)

    @property
    def num_calls(self) -> int:
        """Of tools, that were told so far."""
        return self._parser.num_calls if self._parser is not None else 0

    @property
    def num_thought_tokens(self) -> int:
        """Those fed so far that belong to thoughts."""
        return self._thoughts.num_tokens if self._thoughts is not None else 0

    def feed(self, token_id: int) -> None:
        """It goes on by a token."""
        self._hear(self._detokenizer.feed(token_id), token_id)
        self._to_pass -= 1

    def hidden(self, token_id: int) -> int:
        """Bytes of the token that are not told."""
        return self._detokenizer.hidden(token_id)

    def finish(self, cut: bool = False) -> None:
        """It ends here: what was held back is told too, where it belongs to the text. `cut`: the model would go on."""
        if self.stop is None:
            self._hear(self._detokenizer.finish())
            self._end_thoughts()
        if self.stop is None:
            self._say(self._stops.finish())
        if self._parser is not None:
            self._add(self._parser.finish(cut))

    def take(self) -> list[tuple[str, tuple[ToolCall, ...]]]:
        """What is certain and was not taken yet: a text and the calls behind it, as often as they take turns."""
        pieces, self._pieces = self._pieces, []
        if self._parser is None:
            text = "".join(piece for piece in pieces if isinstance(piece, str))
            return [(text, ())] if text else []
        said = [Delta(text=piece) if isinstance(piece, str) else Delta(tool_calls=(piece,)) for piece in pieces]
        return [(turn.text, turn.tool_calls) for turn in in_order(said)]

    def take_thoughts(self) -> str:
        """What is certain of thoughts and was not taken yet."""
        taken = "".join(self._thought)
        self._thought = []
        return taken

    def _hear(self, piece: str, token_id: int | None = None) -> None:
        if self._thoughts is not None:
            thought, piece = self._thoughts.feed(piece, token_id)
            if thought:
                self._thought.append(thought)
        self._look_through(piece)

    def _end_thoughts(self) -> None:
        if self._thoughts is not None:
            thought, piece = self._thoughts.finish()
            self._thought.append(thought)
            self._look_through(piece)

    def _look_through(self, piece: str) -> None:
        if self._to_pass > 0:
            self._say(piece)
        elif piece:
            found = self._stops.feed(piece)
            self.stop = found.stop
            self._say(found.text)

    def _say(self, text: str) -> None:
        if self._parser is not None:
            self._add(self._parser.feed(text))
        elif text:
            self._pieces.append(text)

    def _add(self, parsed: Parsed) -> None:
        self._pieces += parsed.pieces
