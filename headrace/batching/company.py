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
