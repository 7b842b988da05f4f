"""A silent client is asked, and given up in the end."""

import pytest

from headrace.protocols.http2.silence import Signs, Verdict, look


@pytest.mark.parametrize(
    ("signs", "now", "verdict"),
    [
        (Signs(0, None, None, None), 74, Verdict.WELL),
        (Signs(0, None, None, None), 75, Verdict.PING),
        (Signs(0, None, 75, None), 94, Verdict.WELL),
        (Signs(0, None, 75, None), 95, Verdict.DEAD),
        (Signs(90, None, 75, None), 96, Verdict.WELL),
        (Signs(9, 0, None, None), 9, Verdict.WELL),
        (Signs(9, 0, None, None), 10, Verdict.DEAD),
        (Signs(100, None, None, 26), 100, Verdict.WELL),
        (Signs(100, None, None, 25), 100, Verdict.STALLED),
    ],
)
def test_what_is_done_about_a_connection(signs: Signs, now: float, verdict: Verdict) -> None:
    assert look(signs, now, 75) == verdict
