"""A shadow's report is what was seen of it."""

from headrace.traffic.difference import NONE, UNLIKE, Difference
from headrace.traffic.mirror import Answered
from headrace.traffic.plans import Shadow
from headrace.traffic.shadow import ShadowSeen, Times, percentiles


def test_differences_and_times_of_both_are_told() -> None:
    seen = ShadowSeen(Shadow(4, 0.1))
    for found in (NONE, NONE, Difference(0.5, 0.25, beyond=True), UNLIKE):
        seen.mirrored(Answered(4, False, 4_000_000, served_ns=2_000_000, difference=found))
    seen.mirrored(Answered(4, failed=True))
    seen.mirrored(None)
    report = seen.report()
    assert (report.version, report.share, report.dropped, report.failed) == ("4", 0.1, 1, 1)
    assert (report.compared, report.beyond, report.share_beyond) == (4, 2, 0.5)
    assert (report.max_absolute_difference, report.max_relative_difference) == (0.5, 0.25)
    assert (report.served_ms, report.shadow_ms) == (Times(2.0, 2.0), Times(4.0, 4.0))


def test_before_anything_was_seen_nothing_is_told() -> None:
    report = ShadowSeen(Shadow(4)).report()
    assert (report.compared, report.share_beyond, report.served_ms) == (0, 0.0, None)
    assert percentiles([]) is None


def test_requests_that_the_shadow_itself_answered_are_not_mirrored() -> None:
    seen = ShadowSeen(Shadow(4, 0.1))
    assert (seen.other(3), seen.other(4)) == ((4, 0.1), None)
