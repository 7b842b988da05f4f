"""Whether a request is what its workers die of. Pure.

A worker that dies takes with it what it was running, and nobody can tell which of it was the cause, if any was. So what
it was running is run again: once as it was, then each alone, until one dies alone, and again.

A worker that hung has held up everybody for as long as many runs take, and would again: that is as good as two deaths.
"""

import msgspec

SUSPECTED = 2  # deaths from which on a request runs alone
GIVEN_UP = 2  # deaths without any answer between them
HANG = 2  # deaths that a hang counts for
MOST = 6  # deaths, alone in the last of them: by then it is not chance, whoever else was answered
LAST = 12  # deaths, alone or not


class Blame(msgspec.Struct, frozen=True):
    """The deaths of workers that were running one request, since it was last answered anything."""

    deaths: int = 0
    fruitless: int = 0  # the first, and those since whose last one the version had answered nothing

    def after(self, answered: bool, hung: bool = False) -> "Blame":
        """One more; `answered`: the version has answered somebody since the death before, whoever died in that."""
        deaths = HANG if hung else 1
        counted = deaths if not answered else int(not self.deaths)  # what was answered before the first speaks for none
        return Blame(self.deaths + deaths, self.fruitless + counted)

    @property
    def suspected(self) -> bool:
        """Whether it had better run alone, so that it takes nobody along."""
        return self.deaths >= SUSPECTED

    def given_up(self, alone: bool) -> bool:
        """Whether it is better answered with an error; `alone`: it shared the last of them with nobody."""
        if self.deaths >= LAST:
            return True
        return alone and (self.fruitless >= GIVEN_UP or self.deaths >= MOST)


NONE = Blame()
