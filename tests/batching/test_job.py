"""One request as batching sees it."""

from headrace.batching.job import NO_DEADLINE_NS
from tests.batching.jobs import MS, job


def test_what_has_no_deadline_is_as_urgent_as_what_has_a_long_one() -> None:
    assert job(now_ms=1).due_ns == MS + NO_DEADLINE_NS
    assert job(now_ms=1, within_ms=2).due_ns == 3 * MS


def test_what_is_kept_alone_has_a_key_like_no_other() -> None:
    first, second = job(), job()
    assert first.key == second.key
    first.keep_alone()
    second.keep_alone()
    assert first.key != second.key
