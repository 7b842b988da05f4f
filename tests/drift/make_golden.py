"""Makes golden.json: what scipy and river say of the series in series.py. Run where both are installed:

pip install scipy==1.17.1 river==0.26.1
python -m tests.drift.make_golden
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from river.drift import ADWIN, PageHinkley  # type: ignore[import-not-found]
from scipy import special, stats  # type: ignore[import-not-found,import-untyped,unused-ignore]

from tests.drift.series import ALPHAS, HINKLEY, PAIRS, TABLES, pair, steps, table

FILE = Path(__file__).with_name("golden.json")


def main() -> None:
    golden: dict[str, Any] = {
        "ks": [_ks(*pair(seed)) for seed in range(PAIRS)],
        "chi2": [_chi2(*table(seed)) for seed in range(TABLES)],
        "chi2_critical": {f"{alpha:g}": [float(special.chdtri(k, alpha)) for k in (1, 2, 9, 40)] for alpha in ALPHAS},
        "kolmogorov_critical": {f"{alpha:g}": float(special.kolmogi(alpha)) for alpha in ALPHAS},
        "normal_critical": {f"{alpha:g}": float(stats.norm.isf(alpha / 2)) for alpha in ALPHAS},
        "fisher": [_fisher(*counts) for counts in ((3, 500, 0, 2000), (12, 500, 20, 2000), (8, 100, 1, 100))],
        "adwin": [_adwin(steps(seed)) for seed in range(4)],
        "page_hinkley": [_hinkley(steps(seed)) for seed in range(4)],
    }
    FILE.write_text(json.dumps(golden, indent=1) + "\n")


def _ks(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> list[float]:
    exact = stats.ks_2samp(one, other, method="exact")
    return [
        float(exact.statistic),
        float(exact.pvalue),
        float(special.kolmogorov(_scaled(exact.statistic, one, other))),
    ]


def _scaled(d: float, one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(d * np.sqrt(len(one) * len(other) / (len(one) + len(other))))


def _chi2(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> list[float]:
    pearson = stats.chi2_contingency([one, other], correction=False)
    ratio = stats.chi2_contingency([one, other], correction=False, lambda_="log-likelihood")
    return [float(pearson.statistic), float(ratio.statistic), int(pearson.dof), float(pearson.pvalue)]


def _fisher(current: int, rows: int, reference: int, held: int) -> list[float]:
    counts = [[current, rows - current], [reference, held - reference]]
    return [current, rows, reference, held, float(stats.fisher_exact(counts, "greater").pvalue)]


def _adwin(values: np.ndarray[Any, Any]) -> list[list[float]]:
    adwin, found = ADWIN(), []
    for i, value in enumerate(values.tolist()):
        adwin.update(value)
        if adwin.drift_detected:
            found.append([i, float(adwin.width)])
    return found


def _hinkley(values: np.ndarray[Any, Any]) -> list[int]:
    hinkley, found = PageHinkley(threshold=HINKLEY), []
    for i, value in enumerate(values.tolist()):
        hinkley.update(value)
        if hinkley.drift_detected:
            found.append(i)
    return found


if __name__ == "__main__":
    main()
