"""Views of images: principal components of the images, each shifted or rotated a little.

The distance of two images is taken as the least over the views of one of them. Blurring, shifting, rotating
and projecting are all linear, so no changed image is made: its components are products of the image with
changed components.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from scipy import ndimage
from sklearn.decomposition import PCA

# Principal components are computed from no more rows than this.
PCA_SAMPLE = 2**14


class Tolerance(NamedTuple):
    """The changes of an image that distances ignore."""

    shift: float = 0.0  # fraction of height and width
    rotation: float = 0.0  # degrees
    blur: float = 0.0  # standard deviation, a fraction of height and width


class Pose(NamedTuple):
    """A rotation in degrees about the middle of the image, then a shift in pixels."""

    angle: float
    rows: float
    columns: float


def poses(tolerance: Tolerance, image_shape: tuple[int, ...]) -> list[Pose]:
    """Return the poses that are compared; the first is that of the image itself."""
    # whole pixels, because shifts by fractions of them also blur
    pixels = [max(1, round(tolerance.shift * side)) for side in image_shape[:2]]
    pixels = [n if tolerance.shift and side > 1 else 0 for n, side in zip(pixels, image_shape, strict=False)]
    angles, rows, columns = (
        (0.0, size, -size) if size else (0.0,) for size in (tolerance.rotation, *map(float, pixels))
    )
    return [Pose(*pose) for pose in product(angles, rows, columns)]


def in_pose(images: ndarray, pose: Pose, mode: str) -> ndarray:
    """Return images (n, height, width, channels) in a pose, by bilinear interpolation."""
    cos, sin = np.cos(np.deg2rad(pose.angle)), np.sin(np.deg2rad(pose.angle))
    matrix = np.eye(4)
    matrix[1:3, 1:3] = [[cos, sin], [-sin, cos]]
    middle = np.array([0, (images.shape[1] - 1) / 2, (images.shape[2] - 1) / 2, 0])
    shift = np.array([0, pose.rows, pose.columns, 0])
    return ndimage.affine_transform(images, matrix, middle - matrix @ (middle + shift), order=1, mode=mode)


def opposite(pose: Pose) -> Pose:
    """Return the pose that undoes another one, up to the order of rotation and shift."""
    return Pose(*(-value for value in pose))


def blurred(images: ndarray, blur: float) -> ndarray:
    """Return images (n, height, width, channels) after a Gaussian filter; beyond the border they are zero."""
    if not blur:
        return images
    sigma = (0, blur * images.shape[1], blur * images.shape[2], 0)
    return ndimage.gaussian_filter(images, sigma, mode="constant")


@dataclass(frozen=True)
class Projection:
    """The map of rows to their components in each view: ``X @ weights + offset``.

    Parameters
    ----------
    weights : list of ndarray of shape (n_features, n_components)
    offsets : list of ndarray of shape (n_components,)
    """

    weights: list[ndarray]
    offsets: list[ndarray]

    @classmethod
    def fit(
        cls, X: Any, n_components: int | None, image_shape: tuple[int, ...] | None, tolerance: Tolerance
    ) -> Self:
        """Return the projection onto the principal components of rows; of images, in all views."""
        if image_shape is not None:
            X = blurred(X.reshape(-1, *image_shape), tolerance.blur).reshape(len(X), -1)
        limit = min(X.shape)
        n_components = min(n_components or limit, limit)
        solver = "auto"
        if sp.issparse(X):
            # the only one that does not make a matrix (n_features, n_features), but it cannot find all
            solver = "arpack" if n_components < limit else "covariance_eigh"
        pca = PCA(n_components, svd_solver=solver, random_state=0)
        with np.errstate(invalid="ignore"):  # fractions of no variance, which are not needed
            pca.fit(X)
        V, mean = pca.components_, pca.mean_
        if image_shape is None:
            return cls([V.T], [-mean @ V.T])
        patterns, middle = V.reshape(-1, *image_shape), mean.reshape(1, *image_shape)
        weights, offsets = [], []
        for pose in poses(tolerance, image_shape):
            # the mean image keeps its border; what enters the image there is otherwise the mean
            W = in_pose(patterns, opposite(pose), mode="constant")
            shifted_mean = in_pose(middle, pose, mode="nearest").ravel()
            offsets.append((shifted_mean - mean) @ V.T - mean @ W.reshape(len(V), -1).T)
            weights.append(blurred(W, tolerance.blur).reshape(len(V), -1).T)
        return cls(weights, offsets)

    def __call__(self, X: Any) -> list[ndarray]:
        """Return the rows (n, n_components) in each view."""
        return [X @ W + offset for W, offset in zip(self.weights, self.offsets, strict=True)]
