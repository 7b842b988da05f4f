"""Windows have strings blanked out, however those lie across them."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.oip.json_windows import windows

AWKWARD = st.text(st.sampled_from('"\\[], a'), max_size=12)


@given(st.recursive(st.lists(AWKWARD | st.integers()), lambda inner: st.lists(inner, max_size=4)), st.integers(1, 9))
def test_what_is_left_has_no_strings_and_each_byte_is_in_its_place(value: list[Any], window_bytes: int) -> None:
    written = json.dumps(value).encode()
    left = b""
    for at, window in windows(memoryview(b"##" + written), 2, window_bytes):
        assert at == 2 + len(left)
        left += window
    strings = re.compile(rb'"(?:[^"\\]|\\.)*"')
    assert left == strings.sub(lambda found: b"_" * (len(found[0]) - 1) + b'"', written)
