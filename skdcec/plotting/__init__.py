"""Displays of clusterings, embeddings and training, in the manner of scikit-learn's.

``from_estimator`` and ``from_predictions`` compute what is to be seen and draw it; the display that they
return keeps the data, the axes as ``ax_`` and the figure as ``figure_``, and can ``plot`` again, elsewhere or
with other colours. Needs matplotlib (extra ``plot``).
"""

from skdcec.plotting._contingency import ContingencyDisplay
from skdcec.plotting._history import HistoryDisplay
from skdcec.plotting._image_grids import CenterImagesDisplay, ReconstructionDisplay
from skdcec.plotting._planes import CovarianceEllipsesDisplay, EmbeddingDisplay

__all__ = [
    "CenterImagesDisplay",
    "ContingencyDisplay",
    "CovarianceEllipsesDisplay",
    "EmbeddingDisplay",
    "HistoryDisplay",
    "ReconstructionDisplay",
]
