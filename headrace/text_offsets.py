"""Where the tokens of a text begin in it, in characters."""

from codecs import getincrementaldecoder


class TextOffsets:
    """Of one text, token by token; of several that are one character together all begin at it."""

    def __init__(self, begin: int = 0) -> None:
        """`begin`: how long the text is already, all its characters whole."""
        self._length = begin
        self._decoder = getincrementaldecoder("utf-8")("replace")

    @property
    def after(self) -> int:
        """Where what begins a character of its own would begin: a character whose bytes never came is one by then."""
        return self._length + bool(self._decoder.getstate()[0])

    def next(self, spelled: bytes) -> int:
        """That of the token which comes next, by the bytes of it that are in the text."""
        at, after = self._length, self.after
        begun = self._decoder.decode(spelled[:1])
        if after > at and len(begun) + bool(self._decoder.getstate()[0]) > 1:
            at = after  # it does not go on with what was there
        self._length += len(begun) + len(self._decoder.decode(spelled[1:]))
        return at
