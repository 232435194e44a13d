"""From a folder of pictures to a report."""

import csv
import html
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from skdcec import DCEC
from skdcec.__main__ import main
from skdcec.folders import cluster_folder

# Shorter than one epoch and one update take.
HARDLY = 0.001


@pytest.fixture
def pictures(tmp_path):
    """A folder of three kinds of pictures, with a damaged one, and names that are markup or no text."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    for i in range(36):
        image = rng.integers(40, size=(20, 24, 3), dtype=np.uint8)
        part = (slice(0, 8), slice(8, 14), slice(14, 20))[i % 3]
        image[part] += np.array([200, 180, 160], dtype=np.uint8)
        path = folder / "abc"[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    (folder / "damaged.png").write_bytes(b"no picture")
    (folder / "a" / "0.png").rename(folder / "a" / "<b>&.png")
    return folder


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(pictures, output, **params):
    return cluster_folder(pictures, output, **{"n_clusters": 3, "image_size": 16, "minutes": HARDLY} | params)


def test_a_folder_becomes_a_report(pictures, tmp_path, capsys):
    result = run(pictures, tmp_path / "out")
    rows = read(tmp_path / "out" / "labels.csv")
    assert [row["file"] for row in rows] == result.filenames
    assert len(rows) == 36
    assert "a/<b>&.png" in result.filenames
    assert [int(row["cluster"]) for row in rows] == result.labels.tolist()
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    assert [row["file"] for row in read(tmp_path / "out" / "left_out.csv")] == ["damaged.png"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    sheets = {f"cluster_{cluster:02d}.jpg" for cluster in set(result.labels.tolist())}
    expected = {"labels.csv", "left_out.csv", "map.jpg", "report.html", "skdcec.json", *sheets}
    assert names == expected
    for name in (*sheets, "map.jpg"):
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size > (100, 100)
    assert capsys.readouterr().out == ""


def test_the_report_is_one_page(pictures, tmp_path):
    page = run(pictures, tmp_path / "out").report.read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    for text in ("k-means on pixels", "k-means on the embedding", "damaged.png", "modularity"):
        assert text in page
    assert "<b>" not in page


@pytest.mark.slow
def test_clear_clusters_are_found_and_trusted(pictures, tmp_path):
    result = run(pictures, tmp_path / "out", minutes=10)
    kinds = [file[0] for file in result.filenames]
    assert len(set(zip(kinds, result.labels.tolist(), strict=True))) == 3
    assert result.doubts == []
    assert "No check found a problem" in result.report.read_text()


@pytest.fixture
def noise(tmp_path):
    """A folder of gray pictures without any clusters."""
    folder, rng = tmp_path / "noise", np.random.default_rng(0)
    folder.mkdir()
    for i in range(60):
        Image.fromarray(rng.integers(256, size=(16, 16), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


def test_noise_is_not_trusted(noise, tmp_path):
    result = run(noise, tmp_path / "out")
    page = result.report.read_text()
    assert "These clusters may be wrong" in page
    assert all(html.escape(doubt) in page for doubt in result.doubts)
    assert any("not separate" in doubt for doubt in result.doubts)
    assert any("several ways to divide" in doubt for doubt in result.doubts)
    assert result.model.image_shape_ == (16, 16, 1)


def test_files_of_others_are_left_alone(pictures, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "labels.csv").write_text("precious")
    for output in (tmp_path / "mine", tmp_path / "mine" / "labels.csv"):
        with pytest.raises(FileExistsError, match="output="):
            run(pictures, output)
    assert (tmp_path / "mine" / "labels.csv").read_text() == "precious"
    run(pictures, tmp_path / "out", copy=True)
    notes = ["notes.txt", "cluster_mine.jpg", "clusters/00/mine.txt", "clusters/mine/n.txt"]
    for name in notes:
        (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_text("mine, too")
    run(pictures, tmp_path / "out", n_clusters=2)
    assert all((tmp_path / "out" / name).read_text() == "mine, too" for name in notes)
    assert not (tmp_path / "out" / "cluster_02.jpg").exists()
    assert not list((tmp_path / "out" / "clusters").rglob("*.png"))


@pytest.mark.parametrize("name", ["pictures", "pictures/a/out", "."])
def test_pictures_and_report_do_not_lie_in_each_other(pictures, tmp_path, name):
    before = sorted(path for path in tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="should not lie in each other"):
        run(pictures, tmp_path / name)
    assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "params",
    [
        {"n_clusters": 0},
        {"n_clusters": 99},
        {"min_cluster_size": 13},
        {"min_cluster_size": 1.5},
        {"minutes": 0},
        {"fit": "squeeze"},
    ],
)
def test_a_mistake_costs_no_earlier_report(pictures, tmp_path, params):
    run(pictures, tmp_path / "out", copy=True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    with pytest.raises(ValueError, match=next(iter(params))):
        run(pictures, tmp_path / "out", **params)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    with pytest.raises(NotADirectoryError):
        run(tmp_path / "missing", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_single_cluster_is_doubted(pictures, tmp_path):
    result = run(pictures, tmp_path / "out", n_clusters=1)
    assert any("Another number of clusters may suit these images better" in doubt for doubt in result.doubts)
    assert "1 cluster of 36 pictures in pictures" in result.report.read_text()


def test_clusters_of_unequal_size(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for i, kind in enumerate(np.repeat(range(3), [80, 8, 8])):
        image = rng.integers(60, size=(16, 16), dtype=np.uint8)
        # the large class is spread along a line
        start = 4 * kind if kind else 0
        image[start : start + 4, 4 + (i % 8 if not kind else 0) :][:, :4] += 180
        Image.fromarray(image).save(tmp_path / "pictures" / f"{i:02d}.png")
    found = run(tmp_path / "pictures", tmp_path / "out", min_cluster_size=4)
    assert sorted(np.bincount(found.labels)) == [8, 8, 80]
    # modularity, which favors clusters of similar size, does not judge
    assert not any("modularity" in doubt for doubt in found.doubts)
    free = run(tmp_path / "pictures", tmp_path / "free", n_clusters=None)
    assert free.model.init_.n_clusters is None
    assert len(np.unique(free.labels)) == free.model.init_.n_communities_


def test_pictures_are_copied_into_a_folder_for_each_cluster(pictures, tmp_path):
    result = run(pictures, tmp_path / "out", copy=True)
    for file, label in zip(result.filenames, result.labels, strict=True):
        copied = tmp_path / "out" / "clusters" / f"{label:02d}" / file
        assert copied.read_bytes() == (pictures / file).read_bytes()


def test_an_interrupted_run_goes_on(pictures, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DCEC, "_initialize", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(pictures, tmp_path / "out")
    assert (tmp_path / "out" / ".progress" / "pretraining.npz").is_file()
    with pytest.raises(FileExistsError, match=r"holds an interrupted run.*--resume"):
        run(pictures, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("skdcec._deep._training.pretrain", interrupt)
        run(pictures, tmp_path / "out", resume=True)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.html", "labels.csv"} < names
    assert not {".progress", ".unfinished"} & names


def test_the_command(noise, tmp_path, capsys):
    arguments = [str(noise), "-k", "3", "-o", str(tmp_path / "out"), "--minutes", str(HARDLY)]
    assert main([*arguments, "--image-size", "16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(tmp_path / "out" / "report.html")
    assert any(line.startswith("doubt: ") for line in lines)
    assert any(line.startswith("Read 60 of 60 files") for line in lines)
    assert main([str(tmp_path / "missing"), "-o", str(tmp_path / "other"), "--quiet"]) == 2
    assert main([*arguments, "--minutes", "-1"]) == 2
    assert main([str(noise), "-o", str(noise)]) == 2
    assert main([*arguments, "-k", "0"]) == 2
    assert main([*arguments, "--min-cluster-size", "21"]) == 2
    assert main([*arguments, "--min-cluster-size", "0.5"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 6
    assert all(line.startswith("error: ") for line in errors)


@pytest.mark.slow
def test_the_command_of_the_package():
    command = [sys.executable, "-m", "skdcec", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "python -m skdcec" in result.stdout
    assert "tensorflow" not in result.stderr
