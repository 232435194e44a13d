"""The scripts that are more than pictures."""

import csv
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "examples" / "paper" / "experiment.py"


def run(output, *options):
    command = [
        sys.executable,
        SCRIPT,
        "digits",
        "--output",
        output,
        "--epochs",
        "2",
        "--max-iter",
        "6",
        *options,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_the_experiment_shares_autoencoders_and_skips_what_is_done(tmp_path):
    options = ["--initializers", "kmeans,random", "--update-interval", "3"]
    assert len(run(tmp_path, "--seeds", "1", *options)) == 2
    before = (tmp_path / "runs" / "0-kmeans.json").stat().st_mtime_ns
    # one more seed: only its runs are made
    assert [line[:6] for line in run(tmp_path, "--seeds", "2", *options)] == ["seed 1"] * 2
    assert (tmp_path / "runs" / "0-kmeans.json").stat().st_mtime_ns == before
    assert len(list((tmp_path / "pretrained").iterdir())) == 2
    assert not list((tmp_path / "checkpoints").iterdir())
    with open(tmp_path / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["init"]) for row in rows] == [
        (s, i) for s in "01" for i in ("kmeans", "random")
    ]
    assert all(0.1 <= float(row["accuracy"]) <= 1 for row in rows)
