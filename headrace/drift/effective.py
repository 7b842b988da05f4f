"""How many independent rows a series is worth: rows that come after one another are often alike."""

import numpy as np
from numpy.typing import NDArray

ORDER = 10
"""How many rows back an autoregression looks."""

PENALTY = 4.0
"""What one more of them must gain, in twice the log likelihood; between Akaike's 2 and Schwarz's log of the rows."""


def inflation(rows: NDArray[np.float64], order: int = ORDER) -> NDArray[np.float64]:
    """By how much the variance of each column's mean is larger than if its rows were independent; at least 1.

    Each column is fitted by an autoregression (Yule-Walker, its order by penalised likelihood), whose spectrum at 0
    says so. That wavers far less than what batches of rows would say.
    """
    count = len(rows)
    centred = rows - rows.mean(0)
    order = min(order, count // 20)
    lags = np.stack([np.einsum("ij,ij->j", centred[k:], centred[: count - k]) / count for k in range(order + 1)])
    flat = lags[0] <= 0
    correlations = lags / np.where(flat, 1.0, lags[0])
    found: NDArray[np.float64] = np.where(flat, 1.0, np.maximum(_spectrum_at_zero(correlations, count), 1.0))
    return found


def _spectrum_at_zero(correlations: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Of each column's best autoregression, over its variance; Levinson's recursion, all columns at once."""
    columns = correlations.shape[1]
    coefficients = np.zeros((len(correlations), columns))  # of lag k at k
    error = np.ones(columns)
    best_score, best = np.zeros(columns), np.ones(columns)
    for k in range(1, len(correlations)):
        ahead = (coefficients[1:k] * correlations[1:k][::-1]).sum(0)
        reflection = (correlations[k] - ahead) / error
        coefficients[1:k] -= reflection * coefficients[1:k][::-1]
        coefficients[k] = reflection
        error = np.maximum(error * (1 - reflection**2), 1e-12)
        score = count * np.log(error) + PENALTY * k
        at_zero = error / np.maximum((1 - coefficients[1 : k + 1].sum(0)) ** 2, 1e-6)
        better = score < best_score
        best_score, best = np.where(better, score, best_score), np.where(better, at_zero, best)
    return best
