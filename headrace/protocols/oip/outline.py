"""A long JSON body without its tensors' data: what is left is decoded in one go, the data a piece at a time."""

import re
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from headrace.errors import InvalidRequest
from headrace.protocols.beside import rest
from headrace.protocols.elements import check_elements
from headrace.protocols.json_body import decode, moved
from headrace.protocols.oip.json_windows import WINDOW_BYTES, windows
from headrace.protocols.oip.shapes import MAX_NAMED
from headrace.types import Buffer

T = TypeVar("T")

MOST_BYTES = 4 << 20
"""Of a body, beside the data: it is decoded while all others wait, for some milliseconds."""

_KEY_BYTES = 256  # that the key and what stands before its list take at most

# Within a string there is no quotation mark but behind a backslash: what reads so in JSON is a key.
_DATA = re.compile(rb'"data"[ \t\r\n]{0,99}:[ \t\r\n]{0,99}(?=\[)')
_SHORT = re.compile(rb'\[[^\[\]"]{0,999}\]')  # and of no strings or lists


class Outline(NamedTuple):
    """A body whose lists of data are cut out of it."""

    json: Buffer
    lists: dict[bytes, memoryview]
    """By the number that stands in the place of each. Not known to be JSON."""

    cuts: list[tuple[int, int]]
    """Behind each list, where that is in what is left, and in the body."""

    def decoded(self, decoder: msgspec.json.Decoder[T]) -> T:
        """What is left, as the decoder's type. Raises InvalidRequest with the place in the body."""
        try:
            return decode(decoder, self.json)
        except InvalidRequest as error:
            raise moved(error, self._place) from error

    def _place(self, byte: int) -> int:
        left, whole = max((cut for cut in self.cuts if cut[0] <= byte), default=(0, 0))
        return byte - left + whole


def outlined(body: memoryview, window_bytes: int = WINDOW_BYTES) -> Outline:
    """The outline of a body that is not known to be JSON.

    Raises InvalidRequest where a list has no end, and where what is beside the lists is too long to be decoded.
    """
    left, lists, cuts, at = bytearray(), dict[bytes, memoryview](), list[tuple[int, int]](), 0
    while len(lists) <= MAX_NAMED:  # where there are more, what is left says too many of what
        begin = _next_list(body[: at + MOST_BYTES - len(left)], at, window_bytes)
        if begin is None:
            break
        place, end = b"%d" % len(lists), list_end(body, begin, window_bytes)
        lists[place] = body[begin:end]
        left += body[at:begin]
        left += place
        cuts.append((len(left), end))
        at = end
    if len(left) + len(body) - at > MOST_BYTES:
        raise InvalidRequest(
            f"the body has over {MOST_BYTES} bytes beside the lists of its inputs' data; that is the most"
        )
    left += body[at:]
    check_elements(left)
    return Outline(left, lists, cuts)


def list_end(body: memoryview, begin: int, window_bytes: int = WINDOW_BYTES) -> int:
    """Behind the list that begins there. Raises InvalidRequest where it does not end."""
    if (short := _SHORT.match(body, begin)) is not None:
        return short.end()
    depth = 0
    for at, window in windows(body, begin, window_bytes):
        if b"]" not in window and b"[" not in window:
            continue
        seen = np.frombuffer(window, np.uint8)
        steps = (seen == ord("[")).view(np.int8) - (seen == ord("]")).view(np.int8)
        depths = depth + np.cumsum(steps, dtype=np.int32)
        if not depths.all():
            return at + int(np.argmax(depths == 0)) + 1
        depth = int(depths[-1])
        rest()
    raise InvalidRequest("not JSON: it ends too early")


def _next_list(body: memoryview, at: int, window_bytes: int) -> int | None:
    """Where the next list of data begins."""
    for begin in range(at, len(body), window_bytes):
        for found in _DATA.finditer(body, max(at, begin - _KEY_BYTES), begin + window_bytes):
            if body[found.start() - 1] != ord("\\"):
                return found.end()
    return None
