"""What a peer does wrong, and how far it reaches: one stream, or the whole connection."""


class ConnectionFault(Exception):
    """The connection cannot go on: it is told the code and why, and closed."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class StreamFault(Exception):
    """One stream cannot go on: it is reset with the code, and the others never notice."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
