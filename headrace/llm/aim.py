"""What share of an objective is planned with, so that predictions may be wrong as often as is allowed. Pure."""

ALLOWED = 0.005  # of those let in, that are late
STEP = 0.01
LEAST, MOST = 0.6, 0.97


class Aim:
    """Falls with each one that was late and rises with each in time: in the long run a share of ALLOWED is late.

    The step of adaptive conformal inference (Gibbs and Candes, 2021).
    """

    def __init__(self, share: float) -> None:
        self.share = share

    def learn(self, late: bool) -> None:
        """One that was let in had what it was promised, or had it late."""
        self.share = min(MOST, max(LEAST, self.share - STEP * (late - ALLOWED)))
