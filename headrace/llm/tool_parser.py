"""Calls of tools out of a text that comes piece by piece; what only looks like one stays text."""

from collections.abc import Callable, Collection

import msgspec

from headrace.generation import ToolCall, ToolChoice
from headrace.llm.tool_calls import ToolFormat
from headrace.llm.tool_object import CallObject

_SPACES = " \t\r\n"
_AUTO = ToolChoice()


class Parsed(msgspec.Struct, frozen=True):
    """What a piece gave, in its order: text that belongs to no call, and pieces of calls."""

    pieces: tuple[str | ToolCall, ...] = ()

    @property
    def text(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, ToolCall))


class ToolParser:
    """Watches one text. Belongs to one choice.

    All text given out, one piece after another, is what was fed without its calls and the white space around them;
    arguments come as the model wrote them, as soon as they are certain to belong to a call of a known tool. Where the
    choice leaves only calls, nothing is text.
    """

    def __init__(
        self, form: ToolFormat, names: Collection[str], new_id: Callable[[], str], choice: ToolChoice = _AUTO
    ) -> None:
        """`names`: of the tools; `new_id` gives a call its id; where calls are not parallel the first is the last."""
        self._form = form
        self._names = frozenset(names)
        self._new_id = new_id
        self._parallel = choice.parallel
        self._forced = choice.forced
        self.num_calls = 0
        """Calls given out so far, the one that is under way among them."""
        self._state = self._in_text if form.begin else self._at_start
        self._rest = ""  # fed and not yet looked at, or not decidable
        self._call: CallObject | None = None
        self._behind_call = False  # no text came since a call
        self._raw = ""  # of a call that may still turn out to be text
        self._pieces: list[str | ToolCall] = []

    @property
    def is_complete(self) -> bool:
        """Whether what follows is of no use: the only call that was allowed is over."""
        return not self._parallel and self._state == self._over

    def feed(self, piece: str) -> Parsed:
        """What is certain now."""
        self._rest += piece
        while self._rest and self._state():
            pass
        return self._given()

    def finish(self, cut: bool = False) -> Parsed:
        """What was held back, where the text ends; of a call that was `cut` off before it was told nothing is text."""
        if self._call is not None:
            is_text = not self._call.told
        else:
            is_text = self._state not in (self._after_call, self._over) and not self._trails()
        if is_text and not (cut and self._begins_call()):
            self._say(self._raw + self._rest)
        self._rest, self._raw, self._call = "", "", None
        return self._given()

    def _trails(self) -> bool:
        """Whether what is left is white space behind the last call."""
        return self._behind_call and not (self._raw + self._rest).strip(_SPACES)

    def _begins_call(self) -> bool:
        """Whether what is left was to become a call, by its mark, its tool's name or the call right before it."""
        if self._call is None and not self._raw:
            return self._behind_call
        mark = self._form.begin or self._form.optional
        return mark in self._raw or self.num_calls > 0 or (self._call is not None and bool(self._call.name))

    def _given(self) -> Parsed:
        given, self._pieces = tuple(self._pieces), []
        return Parsed(given)

    # Each state takes from `_rest` and says whether it is worth to go on at once.

    def _in_text(self) -> bool:
        """Anywhere in a text, up to the mark of a call."""
        begin = self._form.begin
        at = self._rest.find(begin)
        if at < 0:
            certain = _before_mark(self._rest, begin)
            self._say(self._rest[:certain])
            self._rest = self._rest[certain:]
            return False
        said = self._rest[:at].rstrip(_SPACES)
        self._say(said)
        self._open(self._rest[len(said) : at + len(begin)], at + len(begin))
        return True

    def _at_start(self) -> bool:
        """Before an answer that is a call or a text."""
        inner = self._rest.lstrip(_SPACES)
        mark = self._form.optional
        if mark and inner.startswith(mark):
            inner = inner[len(mark) :].lstrip(_SPACES)
        elif mark.startswith(inner):
            return False
        if not inner:
            return False
        if inner[0] == "{":
            at = len(self._rest) - len(inner)
            self._open(self._rest[:at], at)
        else:
            self._state = self._only_text
        return True

    def _say(self, text: str) -> None:
        if text and not self._forced:
            self._pieces.append(text)
        self._behind_call = self._behind_call and not text

    def _open(self, raw: str, at: int) -> None:
        self._raw, self._rest = raw, self._rest[at:]
        if self._form.listed:
            self._state = self._before_list
        else:
            self._begin_call()

    def _begin_call(self) -> None:
        self._call = CallObject(self._names)
        self._state = self._in_call

    def _before_list(self) -> bool:
        """Behind the mark of a list of calls, up to its bracket."""
        inner = self._rest.lstrip(_SPACES)
        if not inner:
            return False
        if inner[0] == "[":
            taken = len(self._rest) - len(inner) + 1
            self._raw += self._rest[:taken]
            self._rest = self._rest[taken:]
            self._begin_call()
        else:
            self._close_as_text()
        return True

    def _in_call(self) -> bool:
        call = self._call
        assert call is not None
        told = call.told
        taken = call.feed(self._rest)
        self._raw += self._rest[:taken]
        self._rest = self._rest[taken:]
        if call.failed:
            self._close_as_text()
            return True
        if call.told:
            self._tell(call, first=not told)
        if call.is_complete:
            self._call, self._raw, self._behind_call = None, "", True
            self._state = self._after_call if self._parallel else self._over
        return True

    def _close_as_text(self) -> None:
        self._say(self._raw)
        self._call, self._raw = None, ""
        self._state = self._in_text if self._form.begin else self._only_text

    def _tell(self, call: CallObject, first: bool) -> None:
        arguments = call.take()
        if first:
            self.num_calls += 1
            self._pieces.append(ToolCall(self.num_calls - 1, arguments, self._new_id(), call.name))
        elif arguments:
            self._pieces.append(ToolCall(self.num_calls - 1, arguments))

    def _after_call(self) -> bool:
        """Behind a call, up to its end mark or what stands between two."""
        inner = self._rest.lstrip(_SPACES)
        if self._form.listed:
            return self._after_listed(inner)
        mark = self._form.end or self._form.between
        if len(inner) < len(mark) and mark.startswith(inner):
            return False
        if inner.startswith(mark):
            self._rest = inner[len(mark) :]
        self._state = self._in_text if self._form.begin else self._at_start
        return True

    def _after_listed(self, inner: str) -> bool:
        """Behind a call of a list, up to the next one or the list's end."""
        if not inner:
            return False
        if inner[0] == ",":
            self._rest = inner[1:]
            self._begin_call()
        else:
            self._rest = inner[1:] if inner[0] == "]" else inner
            self._state = self._in_text
        return True

    def _only_text(self) -> bool:
        self._say(self._rest)
        self._rest = ""
        return False

    def _over(self) -> bool:
        self._rest = ""
        return False


def _before_mark(text: str, mark: str) -> int:
    """How much of a text cannot belong to a mark, or to the white space before one, that begins at its end."""
    at = len(text)
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            at -= length
            break
    return len(text[:at].rstrip(_SPACES))
