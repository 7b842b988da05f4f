"""A simulated server: requests come in, runs follow one another, answers come out."""

from headrace.batching.policy import Run
from headrace.simulate.agenda import Agenda
from headrace.simulate.machine import Machine, Told
from headrace.simulate.outcomes import Asked
from headrace.simulate.policies import Chosen, make_policy
from headrace.simulate.run_times import RunTimes
from headrace.simulate.scenario import Scenario
from tests.simulate.models import MS, kept, scenario


class Listening:
    """Notes what a machine tells."""

    def __init__(self) -> None:
        self.answered: list[tuple[int, list[int]]] = []
        self.given_up: list[tuple[int, int]] = []

    @property
    def told(self) -> Told:
        return Told(
            lambda run, now_ns: self.answered.append((now_ns, [each.number for each in run.jobs])),
            lambda job, now_ns: self.given_up.append((now_ns, job.number)),
        )


def asked(number: int, now_ns: int = 0, within_ms: float | None = None) -> Asked:
    job = Asked(number, 1, 0, ("",), now_ns)
    job.deadline_ns = None if within_ms is None else now_ns + int(within_ms * MS)
    return job


def machine(
    agenda: Agenda, listening: Listening, made: Scenario, policy: str = "none", together: float = 1.0
) -> Machine:
    times = RunTimes(made.latency, 0)
    return Machine(make_policy(Chosen(policy), made), times, agenda, listening.told, made.instances, together)


def test_runs_follow_one_another_and_each_request_is_answered() -> None:
    agenda, listening = Agenda(), Listening()
    server = machine(agenda, listening, scenario())
    assert all(server.submit(asked(number), 0) for number in range(3))
    ends = []
    while agenda:
        ends.append(agenda.step())
    assert [numbers for _, numbers in listening.answered] == [[0], [1], [2]]
    assert [now_ns for now_ns, _ in listening.answered] == ends
    assert server.busy_ns == ends[-1]
    assert (server.runs, server.rows) == (3, 3)


def test_a_second_instance_runs_at_the_same_time_and_slower() -> None:
    alone, beside = Agenda(), Agenda()
    for agenda, together in ((alone, 1.0), (beside, 2.0)):
        server = machine(agenda, Listening(), scenario(latency=kept(noise=0.0), instances=2), together=together)
        for number in range(2):
            server.submit(asked(number), 0)
    first_ns, second_ns = alone.step(), alone.step()
    assert abs(second_ns - first_ns) < 0.02 * first_ns
    assert beside.step() < 0.6 * beside.step()


def test_one_that_leaves_while_it_waits_is_not_run_and_one_that_runs_is_counted() -> None:
    agenda, listening = Agenda(), Listening()
    server = machine(agenda, listening, scenario())
    running, waiting, third = asked(0), asked(1), asked(2)
    for each in (running, waiting, third):
        server.submit(each, 0)
    assert not server.leave(running)
    assert server.leave(third)
    while agenda:
        agenda.step()
    assert server.rows == 2
    assert server.rows_left == 1


def test_what_is_too_late_is_given_up_at_its_deadline() -> None:
    agenda, listening = Agenda(), Listening()
    server = machine(agenda, listening, scenario(latency=kept(run_ms=100.0, row_ms=0.0, noise=0.0)))
    for number in range(3):
        server.submit(asked(number, within_ms=50), 0)
    while agenda:
        agenda.step()
    assert listening.given_up == [(50 * MS, 2)]  # one runs, one is next at the instance


def test_reasons_are_counted() -> None:
    agenda, listening = Agenda(), Listening()
    server = machine(agenda, listening, scenario(), "deadline")
    for number in range(4):
        server.submit(asked(number), 0)
    runs: list[Run[Asked]] = []
    while agenda:
        agenda.step()
    assert not runs
    assert server.reasons.total() == server.runs == 2
