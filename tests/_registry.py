"""The estimators that several test files use; a new sibling is added only here."""

import pytest
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering, BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdcec import KernelKHarmonicMeans, KHarmonicMeans, MahalanobisKMeans, ModularityClustering
from skdcec._cluster._covariances import COVARIANCES

KINDS = list(COVARIANCES)
HARMONIC = [KHarmonicMeans(), KHarmonicMeans(p=3.5), KernelKHarmonicMeans(), KernelKHarmonicMeans(p=4.0)]
MAHALANOBIS = [MahalanobisKMeans(covariance_type=kind) for kind in KINDS]
SIBLINGS = [*HARMONIC, *MAHALANOBIS]
# labels by the shortest distance; with one covariance per cluster, determinants count too
NEAREST = [*HARMONIC, *(MahalanobisKMeans(covariance_type=kind) for kind in ("global", "tied"))]
# initializers of DCEC
INITIALIZERS = [
    None,
    ModularityClustering(),
    KHarmonicMeans(),
    KernelKHarmonicMeans(),
    MahalanobisKMeans(),
    MahalanobisKMeans(covariance_type="tied"),
    KMeans(),
    MiniBatchKMeans(),
    BisectingKMeans(),
    GaussianMixture(),
    AgglomerativeClustering(),
    make_pipeline(StandardScaler(), KMeans()),
]

siblings = pytest.mark.parametrize("estimator", SIBLINGS, ids=repr)
harmonic = pytest.mark.parametrize("estimator", HARMONIC, ids=repr)
# for fits that need not converge or find all clusters
UNFINISHED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fit(estimator, X, sample_weight=None, **params):
    """Fit a clone, by default with four clusters."""
    model = clone(estimator).set_params(**({"n_clusters": 4, "random_state": 0} | params))
    return model.fit(X, sample_weight=sample_weight)
