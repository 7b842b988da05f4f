"""What is kept of a tracestate."""

import pytest

from headrace.gateway.tracestate import LONGEST, tracestate_of
from headrace.types import Context

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ((), ""),
        (((b"tracestate", b"v=1"),), "v=1"),
        ((("tracestate", "v=1"),), "v=1"),
        (((b"tracestate", b"v=1 "), (b"x", b"y"), (b"tracestate", b""), (b"tracestate", b"w=2")), "v=1,w=2"),
        (((b"tracestate", b"v=\xff"),), ""),
        (((b"tracestate", b"v" * LONGEST),), "v" * LONGEST),
        (((b"tracestate", b"v" * (LONGEST + 1)),), ""),
    ],
)
def test_it_is_kept_in_one_where_it_is_right(headers: tuple[tuple[str | bytes, str | bytes], ...], kept: str) -> None:
    assert tracestate_of(Context(0, trace=TRACE, headers=headers)) == kept


def test_without_a_trace_it_says_nothing() -> None:
    assert tracestate_of(Context(0, headers=((b"tracestate", b"v=1"),))) == ""
