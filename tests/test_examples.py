"""The example scripts of the paper and the benchmarks."""

import csv
import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skdcec

pytestmark = pytest.mark.slow

PAPER = Path(__file__).parent.parent / "examples" / "paper"
spec = importlib.util.spec_from_file_location("report", PAPER / "report.py")
report = importlib.util.module_from_spec(spec)
spec.loader.exec_module(report)


def call(script, *options):
    return subprocess.run(
        [sys.executable, PAPER / script, *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )


def run(script, *options):
    done = call(script, *options)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The output folder of the complete experiment, with very little training, and the printed text."""
    folder = tmp_path_factory.mktemp("paper")
    return folder, run("experiment.py", "--smoke", "--output", folder)


def test_one_command_makes_every_run_and_prints_the_tables(smoke):
    folder, printed = smoke
    rows = read(folder / "results.csv")
    assert len(rows) == 20
    assert {(row["data"], row["epochs"], row["images"]) for row in rows} == {("digits", "2", "1797")}
    assert len(list((folder / "pretrained").iterdir())) == 2  # one autoencoder per seed
    assert not list((folder / "checkpoints").iterdir())
    for row in rows:
        assert 0.1 <= float(row["accuracy"]) <= 1
        assert 0.1 <= float(row["initial_accuracy"]) <= 1
    for name in (report.NAMES[row["init"]] for row in rows):
        # in the tables of scores and costs; all but k-means also in the two tables of differences
        assert printed.count(name) == (2 if name == report.NAMES["kmeans"] else 4)


@pytest.fixture(scope="module")
def starts(smoke):
    """The table of many starts on the embeddings of the experiment."""
    path = smoke[0] / "starts.csv"
    run("starts.py", "digits", smoke[0] / "embeddings", "--output", path, "--starts", "3")
    return path


def test_only_what_is_missing_is_run_again(smoke, tmp_path):
    folder = shutil.copytree(smoke[0], tmp_path / "copy")
    rows = read(folder / "results.csv")
    # half of the runs have only their files left, the other half only their rows in the table
    lines = (folder / "results.csv").read_text().splitlines(keepends=True)
    (folder / "results.csv").write_text("".join(lines[:11]))
    for path in (folder / "runs").glob("0-*.json"):
        path.unlink()
    (folder / "runs" / "1-khm.json").unlink()
    printed = run("experiment.py", "--smoke", "--output", folder)
    assert re.findall("(.*) done: (.*): accuracy", printed) == [(" 20", "seed 1, khm")]
    again = read(folder / "results.csv")
    assert len(again) == len(rows)
    for old, new in zip(rows, again, strict=True):
        assert {k: v for k, v in old.items() if "seconds" not in k} == {
            k: v for k, v in new.items() if "seconds" not in k
        }


def test_a_folder_of_other_settings_is_refused(smoke):
    done = call("experiment.py", "digits", "--output", smoke[0], "--batches-per-update", "7")
    assert done.returncode == 2
    assert "'batches_per_update': 3" in done.stderr


def test_starts_on_the_embeddings_of_the_experiment(starts):
    rows = pd.read_csv(starts)
    assert len(rows) == 2 * 8 * 3
    # k-means depends on its start; K-harmonic means does not, with an autoencoder of little training
    spread = rows.groupby(["init", "seed"])["objective"].agg(lambda values: np.ptp(values) / values.mean())
    assert (spread["kmeans-1"] > 1e-3).all()
    assert (spread["khm-2"] < 1e-3).all()


@pytest.mark.parametrize("name", ["results.csv", "starts.csv"])
def test_the_report_writes_each_table_and_figure(smoke, starts, tmp_path, name):
    run("report.py", smoke[0] / name, "--output", tmp_path)
    expected = ["starts"] if name == "starts.csv" else ["accuracy", "cost", "paired", "paired_initial"]
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == expected
    pictures = ["starts"] if name == "starts.csv" else ["accuracy", "paired"]
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == pictures


@pytest.fixture
def results():
    """Six seeds; one initializer is always better than k-means, one is always equal."""
    gains = np.array([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    base = np.array([0.70, 0.80, 0.75, 0.72, 0.78, 0.71])
    inits = {"kmeans": base, "khm": base + gains, "random": base}
    return pd.DataFrame(
        {"data": "usps", "seed": seed, "init": init, "accuracy": value, "nmi": value, "ari": value}
        | {"initial_accuracy": value / 2}
        for init, values in inits.items()
        for seed, value in enumerate(values)
    )


def test_differences_are_paired(results):
    table = report.paired_table(results.sample(frac=1, random_state=0)).set_index("initializer")
    khm = table.loc[report.NAMES["khm"]]
    # mean .035, s.d. .0187, Student's t .975 of 5 degrees of freedom 2.571, over the root of 6
    assert khm["difference of accuracy"] == "+0.035"
    assert khm["95 % CI"] == "± 0.020"
    assert khm["better in"] == 6
    assert khm["Wilcoxon p"] == "0.031"  # 2 / 2^6
    assert khm["p (Holm)"] == "0.062"
    same = table.loc[report.NAMES["random"]]
    assert (same["difference of accuracy"], same["better in"], same["p (Holm)"]) == ("+0.000", 0, "1.000")


def test_scores_stand_beside_those_of_the_paper(results):
    table = report.accuracy_table(results).set_index("initializer")
    kmeans = table.loc[report.NAMES["kmeans"]]
    assert kmeans["accuracy"] == "0.743 ± 0.040"
    assert kmeans["initial accuracy"] == "0.372 ± 0.020"
    assert kmeans["paper: accuracy"] == "0.7938 ± 0.0095"
    assert table.loc[report.NAMES["khm"], "paper: accuracy"] == ""  # the paper has only p = 2


def test_holm():
    # sorted: .01 * 4, .02 * 3, .03 * 2, .04 * 1; each at least as large as the one before
    assert report.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


# --------------------------------------------------------------------------- benchmarks

BENCHMARKS = Path(__file__).parent.parent / "examples" / "benchmarks"


def test_one_command_knows_every_benchmark(tmp_path):
    listed = runpy.run_path(str(BENCHMARKS / "run.py"))["BENCHMARKS"]
    scripts = {path.stem for path in BENCHMARKS.glob("[!_]*.py")} - {"run"}
    assert set(listed) == scripts
    done = call(BENCHMARKS / "run.py", "where_time_goes", "--output", tmp_path / "new")
    assert done.returncode == 0
    assert "where_time_goes: left out, for lack of --data" in done.stdout
    assert "there is no benchmark speed" in call(BENCHMARKS / "run.py", "speed").stderr


def test_a_benchmark_leaves_numbers_and_tables(tmp_path, usps):
    data = Path(os.environ["SKDCEC_DATA"]) / "usps.npz"
    script = BENCHMARKS / "where_time_goes.py"
    printed = run(script, data, "--epochs", "1", "--batches", "3", "--output", tmp_path / "numbers.json")
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["machine"]["versions"]["skdcec"] == skdcec.__version__
    for fit in (numbers["first"], numbers["second"]):
        assert fit["training steps, in Keras"] > 0
        assert sum(fit.values()) == pytest.approx(2 * fit["total"])
    assert "| total |" in printed
