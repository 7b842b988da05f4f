"""Whether all that is asked for is alike."""

import pytest

from headrace.batching.job import Job
from headrace.batching.likeness import ENOUGH, Likeness
from tests.batching.jobs import job


def after(*jobs: Job) -> Likeness:
    likeness = Likeness()
    for each in jobs:
        likeness.arrived(each)
    return likeness


def test_it_takes_some_arrivals_until_all_are_taken_for_alike() -> None:
    assert not after(*[job(8)] * (ENOUGH - 1)).holds
    assert after(*[job(8)] * ENOUGH).holds


@pytest.mark.parametrize("other", [job(80), job(8, rows=2), job(8, key="x"), job(8, level=4), job(8, tenant="a")])
def test_one_of_another_kind_ends_it(other: Job) -> None:
    assert not after(*[job(8)] * ENOUGH, other, job(8)).holds
