"""Who computes at this moment: models that share the machine slow one another down. No clock, no cores."""


class Company:
    """The runs under way; one for all models of a server, and told by whoever runs them."""

    def __init__(self) -> None:
        self.running = 0
        """Whoever has fewer of his own computes beside others."""

    def began(self) -> None:
        """One more run."""
        self.running += 1

    def ended(self) -> None:
        """One run less."""
        self.running -= 1


class Member:
    """What one model sees of it; owned by that model's outlook."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._running = 0  # of its own

    @property
    def beside_others(self) -> bool:
        """Whether other models compute now."""
        return self._company.running > self._running

    def began(self) -> None:
        """One more run of it is under way."""
        self._running += 1
        self._company.began()

    def ended(self) -> None:
        """One of its runs less."""
        self._running -= 1
        self._company.ended()
