"""Displays of clusterings, embeddings and training histories, in the style of scikit-learn.

``from_estimator`` and ``from_predictions`` compute the data, draw them and return the display. It keeps the
data, the axes (``ax_``) and the figure (``figure_``); its ``plot`` draws the same data again, on other axes
or in other colors. Needs matplotlib (extra ``plot``).
"""

from skdcec.plotting._contingency import ContingencyDisplay
from skdcec.plotting._history import HistoryDisplay
from skdcec.plotting._image_grids import CenterImagesDisplay, ReconstructionDisplay
from skdcec.plotting._modularity_curve import ModularityCurveDisplay
from skdcec.plotting._planes import CovarianceEllipsesDisplay, EmbeddingDisplay

__all__ = [
    "CenterImagesDisplay",
    "ContingencyDisplay",
    "CovarianceEllipsesDisplay",
    "EmbeddingDisplay",
    "HistoryDisplay",
    "ModularityCurveDisplay",
    "ReconstructionDisplay",
]
