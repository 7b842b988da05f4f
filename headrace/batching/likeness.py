"""Whether all that is asked for is alike: then it is run in order of arrival, and nothing comes between. Pure."""

from headrace.batching.job import Job

ENOUGH = 32  # arrivals in a row


class Likeness:
    """Of the last arrivals: one shape, one length, one level, one tenant."""

    def __init__(self) -> None:
        self._kind: tuple[object, ...] = ()
        self._in_a_row = 0

    def arrived(self, job: Job) -> None:
        """One more."""
        kind = job.key, job.length_class, job.rows, job.level, job.tenant
        if kind == self._kind:
            self._in_a_row += 1
        else:
            self._kind, self._in_a_row = kind, 1

    def __bool__(self) -> bool:
        return self._in_a_row >= ENOUGH
