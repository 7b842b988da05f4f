"""What is known of a run once it has ended."""

from headrace.batching.closed import Closed
from headrace.batching.instance import Outcome
from headrace.batching.job import Job
from headrace.batching.policy import Run
from headrace.batching.waiting import Waiting
from headrace.types import BatchFacts, Context
from tests.batching.test_waiting import waiting


def test_its_facts_count_rows_and_the_requests_that_shared_it() -> None:
    jobs: list[Waiting] = [waiting(Context(0)), waiting(Context(0))]
    jobs[1].requests = 3
    closed = Closed(Run(jobs, "idle", 5, 0), 1, 7)
    assert closed.facts(Outcome(input_ns=2, infer_ns=3, output_ns=4), "int8", 9) == BatchFacts(
        5, 4, "idle", 1, 7, 2, 3, 4, "int8", 9
    )


def test_a_job_stands_for_one_request() -> None:
    assert Job(2, 0, (), 0).requests == 1
