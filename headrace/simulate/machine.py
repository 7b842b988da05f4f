"""A simulated server of one model: the loop of `batching/batched_model.py` by another clock, around the same policy."""

from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from headrace.batching.policy import Policy, Run, Wait
from headrace.simulate.agenda import Agenda
from headrace.simulate.outcomes import Asked
from headrace.simulate.run_times import RunTimes


class Told(NamedTuple):
    """Whom a machine tells what becomes of requests."""

    answered: Callable[[Run[Asked], int], None]
    given_up: Callable[[Asked, int], None]


class Closed(NamedTuple):
    """A batch, and when it was closed."""

    run: Run[Asked]
    closed_ns: int


class Instance:
    """Runs batches one after the other; owned by its machine."""

    __slots__ = ("batches", "idle_since_ns")

    def __init__(self) -> None:
        self.batches: deque[Closed] = deque()  # the first is run
        self.idle_since_ns = 0


class Machine:
    """Owns its policy, its instances and the requests that it was sent."""

    def __init__(
        self,
        policy: Policy[Asked],
        times: RunTimes,
        agenda: Agenda,
        told: Told,
        instances: int = 1,
        together: float = 1.0,
    ) -> None:
        """`together`: how many times as long a run takes that begins while another instance computes."""
        self.policy = policy
        self.busy_ns = 0
        self.runs = 0
        self.rows = 0
        self.rows_left = 0  # run for clients that were gone
        self.reasons: Counter[str] = Counter()
        self._times = times
        self._agenda = agenda
        self._told = told
        self._together = together
        self._instances = [Instance() for _ in range(instances)]
        self._wakes_ns: int | None = None

    def drift(self, _: int, times: RunTimes) -> None:
        """Runs that begin from now on take this."""
        self._times = times

    def submit(self, job: Asked, now_ns: int) -> bool:
        """Whether it is let in."""
        if self.policy.admit(job, now_ns):
            return False
        self.policy.push(job, now_ns)
        self.look(now_ns)
        return True

    def leave(self, job: Asked) -> bool:
        """The client goes away; whether its request waited still."""
        if job.queued:
            self.policy.queue.remove(job)
            return True
        self.rows_left += job.rows
        return False

    def look(self, now_ns: int) -> None:
        """Run what the policy says is to be run now."""
        policy = self.policy
        if not policy.queue:
            return
        for given_up in policy.give_up(now_ns):
            self._told.given_up(given_up.job, now_ns)
        while policy.queue:
            instance = min(self._instances, key=_running) if len(self._instances) > 1 else self._instances[0]
            decision = policy.next(now_ns, len(instance.batches))
            if isinstance(decision, Wait):
                self._wake_at(decision.until_ns, now_ns)
                break
            policy.began(decision, now_ns)
            instance.batches.append(Closed(decision, now_ns))
            if len(instance.batches) == 1:
                self._begin(instance, now_ns)

    def _begin(self, instance: Instance, now_ns: int) -> None:
        run = instance.batches[0].run
        took_ns = self._times.take_ns(run.rows, run.length)
        if self._together != 1.0 and any(each.batches for each in self._instances if each is not instance):
            took_ns = int(took_ns * self._together)
        self.busy_ns += took_ns
        self._agenda.at(now_ns + took_ns, self._ended, instance)

    def _ended(self, now_ns: int, instance: Instance) -> None:
        run, closed_ns = instance.batches.popleft()
        if instance.batches:
            self._begin(instance, now_ns)
        began_ns = max(closed_ns, instance.idle_since_ns)
        instance.idle_since_ns = now_ns
        self.runs += 1
        self.rows += run.rows
        self.reasons[run.reason] += 1
        self.policy.ended(run, now_ns)
        self.look(now_ns)  # the instance gets its next batch before these answers are written
        self._told.answered(run, now_ns)
        self.policy.answered(run, began_ns, now_ns, now_ns)

    def _wake_at(self, until_ns: int | None, now_ns: int) -> None:
        """Look again then, or once something that waits is to be given up; once too often is no harm."""
        gives_up_ns = self.policy.gives_up_ns()
        if gives_up_ns is not None and now_ns < gives_up_ns and (until_ns is None or gives_up_ns < until_ns):
            until_ns = gives_up_ns
        if until_ns is not None and (self._wakes_ns is None or until_ns < self._wakes_ns):
            self._wakes_ns = until_ns
            self._agenda.at(until_ns, self._wake)

    def _wake(self, now_ns: int, _: object) -> None:
        if self._wakes_ns == now_ns:
            self._wakes_ns = None
            self.look(now_ns)


def _running(instance: Instance) -> int:
    return len(instance.batches)
