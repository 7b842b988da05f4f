"""Who computes at this moment."""

from headrace.batching.company import Company


def test_runs_are_counted_while_they_last() -> None:
    company = Company()
    company.began()
    company.began()
    company.ended()
    assert company.running == 1
