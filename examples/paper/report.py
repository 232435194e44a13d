"""Tables and figures from the results of the paper's experiment.

    python examples/paper/report.py results/results.csv --output report

prints the tables, and writes them as CSV files and the figures as PNG files to the output folder. Results of
``starts.py`` work as well.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

NAMES = {
    "kmeans": "k-means, 20 starts",
    "kmeans-1": "k-means, 1 start",
    "mahalanobis": "Mahalanobis k-means, global",
    "mahalanobis-tied": "Mahalanobis k-means, tied, 20 starts",
    "khm-2": "K-harmonic means, p = 2",
    "khm": "K-harmonic means, p = 'auto'",
    "kernel-1": "kernel K-harmonic means, sigma = 1",
    "kernel": "kernel K-harmonic means, sigma = 'scale'",
    "gmm": "Gaussian mixture",
    "ward": "Ward",
    "spectral": "spectral clustering",
    "random": "random images",
}
BASE = "kmeans"
# tables 1 and 2 of Nogueira and Serapião: accuracy, its standard deviation, NMI, ARI
PUBLISHED = {
    "mnist": {
        "kmeans": (0.9012, 0.0382, 0.8590, 0.8887),
        "mahalanobis": (0.8805, 0.0535, 0.8514, 0.9002),
        "khm-2": (0.9051, 0.0703, 0.8765, 0.9064),
        "kernel-1": (0.6752, 0.0606, 0.6394, 0.7802),
    },
    "usps": {
        "kmeans": (0.7938, 0.0095, 0.7523, 0.8320),
        "mahalanobis": (0.7978, 0.0730, 0.7582, 0.8243),
        "khm-2": (0.7755, 0.0106, 0.7321, 0.8144),
        "kernel-1": (0.6600, 0.0665, 0.5921, 0.7295),
    },
}


def half_width(values):
    """Return half the width of Student's 95 % confidence interval for the mean."""
    return stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) if len(values) > 1 else np.nan


def interval(values):
    """Format the half width of the confidence interval; one value has none."""
    return f"± {half_width(values):.3f}" if len(values) > 1 else ""


def spread(values, digits=3):
    """Format mean and standard deviation."""
    text = f"{values.mean():.{digits}f}" if len(values) else ""
    return text if len(values) < 2 else f"{text} ± {values.std(ddof=1):.{digits}f}"


def method(init):
    """Return the name of an initializer without its number of starts."""
    return re.sub(r", \d+ starts?$", "", NAMES[init])


def groups(rows):
    """Yield name and rows of each initializer, in the order of NAMES."""
    for init in NAMES:
        if len(group := rows[rows["init"] == init]):
            yield init, group


def accuracy_table(rows):
    """Scores of each initializer, before and after refinement, beside the paper's."""
    published = PUBLISHED.get(rows["data"].iloc[0], {})
    table = []
    for init, group in groups(rows):
        paper = published.get(init)
        table.append(
            {
                "initializer": NAMES[init],
                "seeds": len(group),
                "initial accuracy": spread(group["initial_accuracy"]),
                "accuracy": spread(group["accuracy"]),
                "95 % CI": interval(group["accuracy"]),
                "NMI": spread(group["nmi"]),
                "ARI": spread(group["ari"]),
                "paper: accuracy": f"{paper[0]:.4f} ± {paper[1]:.4f}" if paper else "",
                "NMI of the paper": f"{paper[2]:.4f}" if paper else "",
                "ARI of the paper": f"{paper[3]:.4f}" if paper else "",
            }
        )
    return pd.DataFrame(table)


def holm(p_values):
    """Return p-values that hold for all tests together (Holm, 1979)."""
    order = np.argsort(p_values)
    steps = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def differences(rows, score):
    """Return the differences to k-means, one row for each seed and one column for each initializer."""
    table = rows.pivot(index="seed", columns="init", values=score)
    order = [init for init in NAMES if init in table and init != BASE]
    return table[order].sub(table[BASE], axis=0) if BASE in table else table[[]]


def paired_table(rows, score="accuracy"):
    """Differences to k-means on the same autoencoder, with tests of significance."""
    table = []
    for init, column in differences(rows, score).items():
        values = column.dropna()
        table.append(
            {
                "initializer": NAMES[init],
                "seeds": len(values),
                f"difference of {score.replace('_', ' ')}": f"{values.mean():+.3f}",
                "95 % CI": interval(values),
                "better in": int((values > 0).sum()),
                "Wilcoxon p": stats.wilcoxon(values).pvalue if values.any() else 1.0,
            }
        )
    table = pd.DataFrame(table)
    if len(table):
        adjusted = holm(table["Wilcoxon p"])
        table["Wilcoxon p"] = table["Wilcoxon p"].map("{:.3f}".format)
        table["p (Holm)"] = [f"{p:.3f}" for p in adjusted]
    return table


def cost_table(rows):
    """Centers and clusters in use, iterations and seconds of each initializer."""
    uninterrupted = rows[rows["resumed"] == 0]  # the times of resumed runs are too short
    return pd.DataFrame(
        {
            "initializer": NAMES[init],
            "distinct centers": spread(group["distinct_centers"], 1),
            "clusters": spread(group["clusters"], 1),
            "iterations": spread(group["initial_iterations"].dropna(), 0),
            "seconds": spread(group["initialize_seconds"], 2),
            "batches of joint training": spread(group["batches"], 0),
            "its seconds": spread(group["refine_seconds"], 0),
        }
        for init, group in groups(uninterrupted)
    )


def starts_table(rows):
    """The dependence of each initializer on a single random start."""
    table = []
    for init, group in groups(rows):
        by_seed = group.groupby("seed")
        # with p='auto', starts may end with different exponents, whose objectives are not comparable
        lowest = group.groupby(["seed", group["p"].fillna(0)])["objective"].transform("min")
        best = group["objective"] - lowest <= 1e-3 * lowest.abs()
        table.append(
            {
                "initializer": method(init),
                "accuracy": f"{group['accuracy'].mean():.3f}",
                "s.d. over starts": f"{by_seed['accuracy'].std().mean():.3f}",
                "least": f"{group['accuracy'].min():.3f}",
                "most": f"{group['accuracy'].max():.3f}",
                "starts that find the best objective": f"{best.mean():.0%}",
                "distinct centers": f"{group['distinct_centers'].mean():.1f}",
                "seconds": f"{group['seconds'].mean():.2f}",
            }
        )
    return pd.DataFrame(table)


def tables(rows):
    """Return the tables of the results, by name."""
    if "start" in rows:
        return {"starts": starts_table(rows)}
    return {
        "accuracy": accuracy_table(rows),
        "paired": paired_table(rows),
        "paired_initial": paired_table(rows, "initial_accuracy"),
        "cost": cost_table(rows),
    }


def show(rows):
    for name, table in tables(rows).items():
        print(f"\n{name}\n{table.to_string(index=False)}")


def labeled_axes(names):
    """Return a figure with a line for each name, from top to bottom."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 1 + 0.42 * len(names)), layout="constrained")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def accuracy_figure(rows):
    """Draw the accuracy of every run, before and after refinement, with the mean and its interval."""
    figure, axes = labeled_axes([NAMES[init] for init, _ in groups(rows)])
    published = PUBLISHED.get(rows["data"].iloc[0], {})
    for y, (init, group) in enumerate(groups(rows)):
        initial, refined = group["initial_accuracy"], group["accuracy"]
        jitter = np.linspace(-0.22, 0.22, len(group))
        axes.scatter(initial, y + jitter, s=14, facecolors="none", edgecolors="0.5", label="initial")
        axes.scatter(refined, y + jitter, s=14, color="C0", label="refined")
        axes.errorbar(
            refined.mean(),
            y,
            xerr=half_width(refined),
            fmt="|",
            color="C1",
            ms=14,
            lw=2,
            capsize=4,
            label="mean, 95 % interval",
        )
        if init in published:
            axes.scatter(published[init][0], y, marker="x", color="k", label="the paper")
    scores = rows[["initial_accuracy", "accuracy"]]
    axes.set_xlim(max(scores.min(axis=None) - 0.1, 0), 1)
    axes.set_xlabel("accuracy")
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=4, frameon=False)
    return figure


def paired_figure(rows):
    """Draw the differences to k-means on the same autoencoder, with their mean and its interval."""
    table = differences(rows, "accuracy")
    figure, axes = labeled_axes([NAMES[init] for init in table])
    for y, column in enumerate(table.to_numpy().T):
        values = column[~np.isnan(column)]
        axes.scatter(values, y + np.linspace(-0.22, 0.22, len(values)), s=14, color="C0")
        axes.errorbar(values.mean(), y, xerr=half_width(values), fmt="|", color="C1", ms=14, lw=2, capsize=4)
    axes.axvline(0, color="k", lw=0.8)
    axes.set_xlabel(f"accuracy minus accuracy of {NAMES[BASE]}, same autoencoder")
    return figure


def starts_figure(rows):
    """Draw the accuracy of each initializer's centers from every start."""
    figure, axes = labeled_axes([method(init) for init, _ in groups(rows)])
    for y, (_, group) in enumerate(groups(rows)):
        for seed, values in group.groupby("seed")["accuracy"]:
            offset = 0.22 * (np.argsort(np.argsort(values)) / max(len(values) - 1, 1) * 2 - 1)
            label = f"embedding {seed}" if y == 0 else None
            axes.scatter(values, y + offset, s=5, alpha=0.5, color=f"C{seed}", label=label)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, markerscale=2)
    axes.set_xlabel("accuracy of the nearest centers from each start")
    return figure


def figures(rows):
    """Return the figures of the results, by name."""
    if "start" in rows:
        return {"starts": starts_figure(rows)}
    drawn = {"accuracy": accuracy_figure(rows)}
    return drawn | ({"paired": paired_figure(rows)} if BASE in set(rows["init"]) else {})


def write(rows, output):
    """Write tables and figures into the folder `output`."""
    import matplotlib.pyplot as plt

    output.mkdir(parents=True, exist_ok=True)
    for name, table in tables(rows).items():
        # a browser must not break a line at the sign
        table.replace(" ?± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}", regex=True).to_csv(
            output / f"{name}.csv", index=False
        )
    for name, figure in figures(rows).items():
        figure.savefig(output / f"{name}.png", dpi=150)
        plt.close(figure)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results.csv of the experiment, or the file of starts.py")
    parser.add_argument("--output", type=Path, help="folder for tables and figures")
    args = parser.parse_args()
    rows = pd.read_csv(args.results)
    show(rows)
    if args.output:
        write(rows, args.output)


if __name__ == "__main__":
    main()
