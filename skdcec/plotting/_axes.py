"""What all displays share: axes, and a colour for each label."""

import numpy as np

NOISE_COLOR = "0.7"
# Beyond this many, neighbouring colours cannot be told apart and a legend is no help.
MOST_COLORS = 20


def axes_of(ax, figsize=None):
    """Return `ax`, or the axes of a new figure."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Displays need matplotlib; install it, or skdcec with the extra 'plot'.") from error
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


def colors_of(labels):
    """Return a colour for each distinct label: a qualitative palette for few of them, grey for noise (-1)."""
    import matplotlib as mpl

    names = [label for label in np.unique(labels) if not is_noise(label)]
    if len(names) <= 10:
        palette = mpl.colormaps["tab10"].colors
    elif len(names) <= MOST_COLORS:
        palette = mpl.colormaps["tab20"].colors
    else:
        palette = mpl.colormaps["turbo"](np.linspace(0, 1, len(names)))
    colors = dict(zip(names, palette, strict=False))
    return colors | {label: NOISE_COLOR for label in np.unique(labels) if is_noise(label)}


def is_noise(label):
    """Return whether a label stands for samples outside all clusters."""
    return not isinstance(label, str) and label == -1


def scatter_labels(ax, points, labels, size):
    """Draw points, coloured by label; return one artist for each label, in order."""
    artists = {}
    for label, color in colors_of(labels).items():
        chosen = labels == label
        name = "noise" if is_noise(label) else str(label)
        artists[label] = ax.scatter(*points[chosen].T, s=size, color=[color], label=name, linewidths=0)
    return artists


def scatter_centers(ax, centers):
    """Mark cluster centers with crosses, above all else; return the artist."""
    return ax.scatter(*centers.T, s=90, marker="X", color="k", edgecolors="w", label="center", zorder=3)


def add_legend(ax, scatters, title, centers=None):
    """Name scatters beside the axes, and centers, unless the colours are too many to tell apart."""
    if len(scatters) <= MOST_COLORS + 1:
        legend = ax.legend(
            handles=[*scatters.values(), *([] if centers is None else [centers])],
            title=title,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            frameon=False,
            fontsize="small",
        )
        for handle in legend.legend_handles:
            handle.set_sizes([24])
