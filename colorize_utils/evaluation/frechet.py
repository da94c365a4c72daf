"""Fréchet distance between two sets of feature vectors, from streamed sums: 50,000 photos take no more memory than 50.

The distance between the Gaussians with the sets' means and covariances (Heusel et al. 2017, "FID"). The name FID
belongs to one network, one resize and one set of weights; a figure from here is named by its classifier and compared
only with others from here, on the same photos, next to the grey row.
"""

import numpy as np
from scipy import linalg


class FeatureStatistics:
    """Streaming mean and covariance of feature vectors (n, d), in float64.

    Sums are kept about ``center`` (d,), any vector near the mean such as the first one, so that nothing cancels.
    """

    def __init__(self, center):
        self.center = np.asarray(center, np.float64)
        self.count = 0
        self.total = np.zeros_like(self.center)
        self.outer = np.zeros((self.center.size, self.center.size))

    def add(self, features):
        """Features (n, d) of n more photos."""
        if np.ndim(features) != 2 or np.shape(features)[1] != self.center.size:
            raise ValueError(f"expected features of shape (n, {self.center.size}), got {np.shape(features)}")
        features = np.asarray(features, np.float64) - self.center
        self.count += len(features)
        self.total += features.sum(axis=0)
        self.outer += features.T @ features

    def without(self, other):
        """The statistics of the photos in this set that are not in ``other``, a subset of it with the same center."""
        rest = FeatureStatistics(self.center)
        rest.count = self.count - other.count
        rest.total, rest.outer = self.total - other.total, self.outer - other.outer
        return rest

    @property
    def finite(self):
        """Whether all features added were finite (one that is not leaves its trace in the sum)."""
        return bool(np.isfinite(self.total).all())

    @property
    def mean(self):
        """Mean (d,)."""
        return self.center + self.total / self.count

    @property
    def covariance(self):
        """Covariance (d, d) with n - 1. Its rank is at most n - 1: below d + 1 photos it is deficient."""
        if self.count < 2:
            raise ValueError(f"expected at least 2 photos for a covariance, got {self.count}")
        return (self.outer - np.outer(self.total, self.total) / self.count) / (self.count - 1)


def _root(covariance):
    """Symmetric square root. Eigenvalues that rounding alone explains count as 0: a root would make them large."""
    values, vectors = linalg.eigh(covariance)
    values = _clean(values)
    return (vectors * np.sqrt(values)) @ vectors.T


def _clean(values):
    return np.where(values > values.max(initial=0) * len(values) * np.finfo(np.float64).eps, values, 0)


def frechet_distance(one, other, root=None):
    """Two `FeatureStatistics` -> |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½). 0 for equal sets, never negative.

    The last trace is that of (C1^½ C2 C1^½)^½, by symmetric eigenvalues: exact for deficient ranks, where the general
    matrix square root is not. ``root`` is ``frechet_root(one)`` where one set is compared with many.
    """
    root = frechet_root(one) if root is None else root
    inner = linalg.eigvalsh(root @ other.covariance @ root)
    shared = np.sqrt(_clean(inner)).sum()
    apart = np.sum((one.mean - other.mean) ** 2)
    return float(max(0.0, apart + np.trace(one.covariance) + np.trace(other.covariance) - 2 * shared))


def frechet_root(statistics):
    """C^½ of a `FeatureStatistics`: the dear part of `frechet_distance`, to be kept."""
    return _root(statistics.covariance)
