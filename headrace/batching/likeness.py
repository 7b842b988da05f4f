"""Whether all that is asked for is alike: then it is run in order of arrival, and nothing comes between. Pure."""

from headrace.batching.job import Job

ENOUGH = 32  # arrivals in a row


class Likeness:
    """Of the last arrivals: one shape, one length, one level, one tenant."""

    def __init__(self) -> None:
        self.holds = False
        """Whether they are alike."""
        self._kind: tuple[object, ...] = ()
        self._in_a_row = 0

    def arrived(self, job: Job) -> None:
        """One more."""
        kind = job.key, job.length_class, job.rows, job.level, job.tenant
        if kind == self._kind:
            self._in_a_row += 1
            self.holds = self._in_a_row >= ENOUGH
        else:
            self._kind, self._in_a_row, self.holds = kind, 1, False
