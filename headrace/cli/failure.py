"""Why a command ends with an error: one line for the user, and an exit code."""


class Failure(Exception):
    """What went wrong and what to do, in one line. `exit_code`: 1 it failed, 2 it was asked for wrongly."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
