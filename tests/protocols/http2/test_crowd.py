"""Who leaves where there are too many connections."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2.crowd import GRACE_S, Standing, leaving

NOW = 1000.0


class Member(NamedTuple):
    busy: bool
    standing: Standing


MEMBERS = st.builds(Member, st.booleans(), st.builds(Standing, st.booleans(), st.floats(NOW - 100, NOW)))


@given(st.lists(MEMBERS), st.integers(1, 1000))
def test_nobody_leaves_who_waits_or_was_heard_a_moment_ago_or_whose_turn_it_is_not(
    members: list[Member], most: int
) -> None:
    left = leaving(members, most, NOW)
    may = [each for each in members if not each.busy and NOW - each.standing.heard >= GRACE_S]
    assert len(left) == min(len(may), max(1, most // 64))
    assert sorted(each.standing for each in left) == sorted(each.standing for each in may)[: len(left)]


def test_those_who_never_asked_leave_before_those_who_were_silent_for_longer() -> None:
    asked, never = Member(False, Standing(True, NOW - 90)), Member(False, Standing(False, NOW - 2))
    assert leaving([asked, never], 2, NOW) == [never]
