"""Who computes at this moment."""

from headrace.batching.company import Company


def test_ones_own_runs_are_no_company() -> None:
    company = Company()
    company.began("a")
    assert not company.others("a")
    assert company.others("b")
    company.ended("a")
    assert not company.others("b")
