"""What the order of a bucket's images says of their counts.

Reviewers of SYRAC proposed to relabel a bucket's images by their rank order. A score of which nothing else was
computed sharpens the prior: its normal scores are correlated with g. What is then still out of order is pooled by
isotonic regression (Barlow et al., "Statistical Inference under Order Restrictions", 1972).
"""

import dataclasses

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import ndtri
from scipy.stats import rankdata


@dataclasses.dataclass(frozen=True)
class Relabelled:
    """A bucket's counts in rank order, or as they were where the order contradicts them; ``misfit`` is by how much."""

    counts: np.ndarray
    misfit: float
    adopted: bool


def normal_scores(scores: np.ndarray) -> np.ndarray:
    """Return what (N,) scores would be if they were normal: mean 0, equal ones equal, NaN as 0.

    Blom, "Statistical Estimates and Transformed Beta-Variables", 1958: the quantiles (rank - 3/8) / (N + 1/4).
    """
    known = np.isfinite(scores)
    made = np.zeros(len(scores))
    made[known] = ndtri((rankdata(scores[known]) - 0.375) / (known.sum() + 0.25))
    return made


def relabel(counts: np.ndarray, stds: np.ndarray, scores: np.ndarray, trust: float) -> Relabelled:
    """Return (N,) posterior mean counts of a bucket made to rise with the (N,) scores, their sum kept.

    Isotonic regression weighted by precision, equal scores in any order (Kruskal's primary approach to ties, 1964),
    then scaled to the posterior's total. The order is adopted where it contradicts the counts by no more than they are
    uncertain: mean of squared standardised changes at most ``trust``. Images without a score (NaN) stay as they are.
    """
    known = np.flatnonzero(np.isfinite(scores))
    if len(known) < 2:
        return Relabelled(counts.copy(), 0.0, adopted=False)
    ordered = known[np.lexsort((counts[known], scores[known]))]
    precise = np.maximum(stds[ordered], 1e-6)
    rising = np.maximum(isotonic_regression(counts[ordered], weights=precise**-2).x, 0.0)
    misfit = float(np.mean(((rising - counts[ordered]) / precise) ** 2))
    if misfit > trust:
        return Relabelled(counts.copy(), misfit, adopted=False)
    total = rising.sum()
    made = counts.copy()
    made[ordered] = rising * (counts[ordered].sum() / total if total > 0 else 1.0)
    return Relabelled(made, misfit, adopted=True)
