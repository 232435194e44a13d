"""Axes, label colors and legends for all displays."""

from typing import Any

import numpy as np
from numpy import ndarray

NOISE_COLOR = "0.7"
# With more colors than this, neighbors look alike and a legend does not help.
MAX_COLORS = 20


def axes_of(ax: Any, figsize: tuple[float, float] | None = None) -> Any:
    """Return `ax`, or the axes of a new figure if it is None."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Displays need matplotlib; install it, or skdcec with the extra 'plot'.") from error
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


def integer_ticks(axis: Any) -> None:
    """Let an axis have ticks only at integers, unless it is logarithmic."""
    from matplotlib.ticker import MaxNLocator

    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(integer=True))


def colors_of(labels: ndarray) -> dict[Any, Any]:
    """Return a color for each distinct label: a qualitative palette if they are few, gray for noise (-1)."""
    import matplotlib as mpl

    colormaps: Any = mpl.colormaps
    names = [label for label in np.unique(labels) if not is_noise(label)]
    if len(names) <= 10:
        palette = colormaps["tab10"].colors
    elif len(names) <= MAX_COLORS:
        palette = colormaps["tab20"].colors
    else:
        palette = colormaps["turbo"](np.linspace(0, 1, len(names)))
    colors = dict(zip(names, palette, strict=False))
    return colors | {label: NOISE_COLOR for label in np.unique(labels) if is_noise(label)}


def is_noise(label: Any) -> bool:
    """Return whether a label stands for samples outside all clusters."""
    return not isinstance(label, str) and bool(label == -1)


def scatter_labels(ax: Any, points: ndarray, labels: ndarray, size: float) -> dict[Any, Any]:
    """Draw points, colored by label; return one artist per label, in order."""
    artists = {}
    for label, color in colors_of(labels).items():
        name = "noise" if is_noise(label) else str(label)
        artists[label] = ax.scatter(
            *points[labels == label].T, s=size, color=[color], label=name, linewidths=0
        )
    return artists


def scatter_centers(ax: Any, centers: ndarray) -> Any:
    """Mark cluster centers with crosses, above everything else; return the artist."""
    return ax.scatter(*centers.T, s=90, marker="X", color="k", edgecolors="w", label="center", zorder=3)


def add_legend(ax: Any, scatters: dict[Any, Any], title: str, centers: Any = None) -> None:
    """Add a legend of the scatters and the centers, unless there are too many colors to distinguish."""
    if len(scatters) <= MAX_COLORS + 1:
        legend = ax.legend(
            handles=[*scatters.values(), *([] if centers is None else [centers])],
            title=title,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            frameon=False,
            fontsize="small",
        )
        # dots may be too small to tell colors; the cross of the centers looks as in the plot
        for handle in legend.legend_handles[: len(scatters)]:
            handle.set_sizes([24])
