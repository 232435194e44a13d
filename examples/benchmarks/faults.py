"""
What survives which fault?
==========================

Fits are killed, interrupted, run out of disk and made to diverge. The benchmark checks that the promises of
the documentation hold: a fit that is called again ends with the same bits as an undisturbed one, an estimator
that was fitted before stays as it was, and an incomplete file is never mistaken for a good one.

- ``kills``: a fit with ``checkpoint=`` is killed at random moments, and started again until it is done;
- ``experiment``: so is ``examples/paper/experiment.py``, in one folder of results;
- ``full-disk``: the disk is full while a checkpoint, a pretrained autoencoder or a stream is written;
- ``read-only``: the folder of ``checkpoint=`` or ``memory=`` cannot be written to;
- ``neighbors``: two processes use the same ``memory=`` at once;
- ``interrupts``: Ctrl-C at random moments of the second fit of an estimator;
- ``divergence``: a loss that is no longer finite, in the second fit of an estimator.

Run it, from the folder above ``examples``, as::

    python examples/benchmarks/faults.py [--only kills full-disk ...] [--kills 30] [--output faults.json]

It takes about three minutes on one core of a POSIX system, needs pandas, and exits with 1 if a promise is
broken. Root gets a small file system for the full and the read-only disk; other users get a limit on the size
of files, and a folder without write permission.
"""

import argparse
import copy
import io
import json
import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import zipfile
from collections import Counter
from contextlib import contextmanager, redirect_stdout, suppress
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from _common import print_table, write
from sklearn.exceptions import ConvergenceWarning

from skdcec import DCEC, ConvAutoencoder, KHarmonicMeans
from skdcec._deep import _checkpoint
from skdcec.datasets import load_digits_images

EXPERIMENT = Path(__file__).parent.parent / "paper" / "experiment.py"
# Kills come within this fraction of the time of an undisturbed run, so that one run is killed many times.
WINDOW = 0.4
# Seconds after which a process counts as hung.
LONGEST = 600
# Each fit is a process of its own, forked from one that has only imported the large packages.
CONTEXT = multiprocessing.get_context("forkserver")


def worker(pipe, function, args, params):
    """Call a function and send its result, or its error."""
    # a warning reports a damaged file; the clusters of hardly trained networks do not matter here
    warnings.simplefilter("error", UserWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    # write after each step, because most can go wrong while a file is written; no parameter sets this
    _checkpoint.SAVE_EVERY = 0.0
    try:
        answer = "returned", function(*args, **params)
    except BaseException as error:
        answer = type(error).__name__, str(error)
    pipe.send(answer)


def start(function, *args, **params):
    """Start a process that calls a function."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=worker, args=(sender, function, args, params), daemon=True)
    process.start()
    sender.close()
    return process, receiver


def finish(process, receiver, seconds=None):
    """Return 'returned' and a result, or the name and message of an error; None after a kill."""
    answer = None
    try:
        if receiver.poll(LONGEST if seconds is None else seconds):
            answer = receiver.recv()
        elif seconds is None:
            answer = "hung", f"for {LONGEST} seconds"
    except EOFError:
        answer = "died", "without an error"
    if answer is None or answer[0] == "hung":
        process.kill()
    process.join()
    return answer


def call(function, *args, **params):
    """Call a function in an undisturbed process."""
    return finish(*start(function, *args, **params))


# --------------------------------------------------------------------------- functions of the processes


def images():
    return load_digits_images().images[:300].astype(np.float32)


def make(seed, steps=40, **params):
    """Return an estimator that saves its progress after each of `steps` epochs and `steps` batches."""
    autoencoder = ConvAutoencoder((16, 32), (3, 3), epochs=steps, n_components=4, augmentation="affine")
    model = DCEC(
        autoencoder=autoencoder, init=KHarmonicMeans(), batches_per_update=1, max_batches=steps, tol=0.0
    )
    return model.set_params(random_state=seed, **params)


def digest(model):
    """Return a hash of the result."""
    weights = model.autoencoder_.weights_
    return joblib.hash([model.labels_, model.cluster_centers_, weights, model.history_])


class NoTraining:
    """Callback that raises an error if pretraining begins."""

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "pretrain":
            raise RuntimeError("training began")

    def on_fit_task_end(self, estimator, context): ...


def fit(seed, largest_file=None, may_train=True, stream=None, **params):
    """Fit to the images, or to a stream of them that is stored in a folder; return the hash of the result."""
    X = images()
    if stream:
        import keras

        class Batches(keras.utils.PyDataset):
            num_batches = 30

            def __getitem__(self, i):
                return X[10 * i : 10 * (i + 1)]

        tempfile.tempdir = str(stream)
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    model = make(seed, **params)
    if not may_train:
        model.set_callbacks(NoTraining())
    return digest(model.fit(Batches() if stream else X))


def fit_in(folder, seed):
    return fit(seed, checkpoint=folder, steps=100)


def experiment_in(folder, seed):
    """Run the experiment; return its results without times and without the column 'resumed'."""
    options = "--seeds 2 --epochs 2 --batches-per-update 3 --max-batches 6 --first-seed".split()
    sys.argv = [EXPERIMENT.name, "digits", "--output", str(folder), *options, str(2 * seed)]
    sys.path.insert(0, str(EXPERIMENT.parent))
    with redirect_stdout(io.StringIO()):
        runpy.run_path(str(EXPERIMENT), run_name="__main__")
    table = pd.read_csv(folder / "results.csv")
    return table[[name for name in table if name != "resumed" and "seconds" not in name]].to_csv()


def interrupt(seed, moments):
    """Interrupt second fits at moments given as fractions of their time; count the outcomes.

    Python ignores an interrupt in a destructor or in a callback of its garbage collector, and Keras may raise
    another error. Neither depends on this package, but nothing may be left half done.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    X, counts = images(), Counter()
    earlier, later = make(seed).fit(X), make(seed + 1)
    begin = time.perf_counter()
    later.fit(X)
    duration = time.perf_counter() - begin
    for moment in moments:
        model, expected = copy.deepcopy(earlier).set_params(random_state=seed + 1), earlier
        timer = threading.Timer(moment * duration, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        try:
            model.fit(X)
            expected, outcome = later, "ignored"
            timer.join()
            time.sleep(0.5)
        except (KeyboardInterrupt, Exception) as error:
            outcome = type(error).__name__ if expected is earlier else "late"
        counts[outcome] += 1
        counts["wrong"] += not np.array_equal(model.predict_proba(X), expected.predict_proba(X))
    counts["wrong"] += digest(make(seed + 1).fit(X)) != digest(later)
    return counts


def diverge(seed, folder):
    """Make second fits diverge in several ways; return the broken promises of each."""
    import keras

    X, wrong = images(), {}
    model = make(seed, memory=folder / "memory").fit(X)
    before, memory = model.predict_proba(X), set((folder / "memory").iterdir())
    steep = keras.optimizers.SGD(1e30)
    ways = {
        "unscaled input": (X * np.float32(1e30), {}),
        "pretraining": (X, {"autoencoder__optimizer": steep}),
        "joint training": (X, {"optimizer": steep}),
        "joint training, last step": (X, {"optimizer": steep, "max_batches": 1}),
    }
    for way, (data, params) in ways.items():
        victim = copy.deepcopy(model).set_params(checkpoint=folder / way, **params)
        try:
            victim.fit(data)
            message = "no error"
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
        arrays = [a for path in folder.rglob("*.npz") for a in read_arrays(path).values()]
        promises = {
            message: message.startswith("FloatingPointError") and "learning rate" in message,
            "earlier fit changed": np.array_equal(victim.predict_proba(X), before),
            "kept in memory": set((folder / "memory").iterdir()) == memory,
            "NaN in files": all(np.isfinite(a).all() for a in arrays),
        }
        wrong[way] = [name for name, holds in promises.items() if not holds]
    return wrong


# --------------------------------------------------------------------------- checks of their results


@cache
def undisturbed(seed):
    """Return the answer of an undisturbed fit."""
    return call(fit, seed)


def read_arrays(path):
    """Return the arrays of a file; NumPy and zip raise an error if it is damaged."""
    with np.load(path) as file:
        return dict(file)


def look_at_files(folder, seen=None):
    """Return the faults in the files of fits, which may have been killed."""
    wrong = []
    for path in folder.rglob("*.*"):
        try:
            if path.suffix == ".npz":
                read_arrays(path)
            elif path.suffix != ".tmp":
                wrong.append(f"{path.name} is no file of skdcec")
        except (ValueError, EOFError, zipfile.BadZipFile):
            wrong.append(f"{path.name} is damaged")
    return wrong


def look_at_results(folder, seen):
    """Return the faults in the files of an experiment, given its runs and rows so far."""
    wrong = [text for name in ("pretrained", "checkpoints") for text in look_at_files(folder / name)]
    now = {path.name: path.read_text() for path in (folder / "runs").glob("*.json")}
    if (folder / "results.csv").exists():
        table = pd.read_csv(folder / "results.csv")
        names = [f"{row.seed}-{row.init}.json" for row in table.itertuples()]
        runs = pd.DataFrame([json.loads(now.get(name, "{}")) for name in names])
        if not table.equals(pd.read_csv(io.StringIO(runs.to_csv(index=False)))) or len({*names}) < len(names):
            wrong.append("results.csv does not match the runs")
        now |= {f"row of {name}": "there" for name in names}
    wrong += [f"{name} lost or made twice" for name in seen if now.get(name) != seen[name]]
    seen |= now
    return wrong


# --------------------------------------------------------------------------- faults
# Each yields the name of the fault, the number of times, the outcome, and a list of what is wrong with it.


def half_written(folder):
    good = (".npz", ".npy", ".json", ".csv")
    return {path for path in folder.rglob("*") if path.suffix not in good and path.is_file()}


def wait_for_writing(folder, receiver, seconds):
    """Wait until a process begins a file, or is done, or for a number of seconds."""
    before, begin = half_written(folder), time.perf_counter()
    while not receiver.poll(1e-4) and time.perf_counter() - begin < seconds:
        with suppress(FileNotFoundError):  # the folder may be deleted meanwhile
            if half_written(folder) - before:
                return


def kill_often(args, folder, what, function, look):
    """Kill a call at random moments; begin others, with other seeds, until there were enough kills.

    About half of the kills wait until a file is being written.
    """
    rng, killed, hits, done, wrong = np.random.default_rng(args.seed), 0, 0, 0, []
    while killed < args.kills and not wrong:
        seed, output, seen, outcome = args.seed + done, folder / f"killed-{done}", {}, None
        begin = time.perf_counter()
        expected = call(function, folder / f"whole-{done}", seed)
        window = WINDOW * (time.perf_counter() - begin)
        while outcome is None:
            before, (process, receiver) = half_written(output), start(function, output, seed)
            patience = rng.uniform(0, window) if killed < args.kills else None
            if patience and rng.random() < 0.5:
                receiver.poll(patience)
                wait_for_writing(output, receiver, window)
                patience = rng.uniform(0, 0.002)
            outcome = finish(process, receiver, patience)
            killed += outcome is None
            hits += bool(half_written(output) - before)
            try:
                wrong += look(output, seen)
            except Exception as error:  # any error that an incomplete file leads to
                wrong.append(f"unreadable: {type(error).__name__}")
        if expected[0] != "returned" or outcome != expected:
            errors = [answer for answer in (outcome, expected) if answer[0] != "returned"]
            wrong.append(errors or "other bits")
        done += 1
    rest = sum(len(half_written(output)) for output in folder.glob("killed-*"))
    happened = f"{done} done; {hits} kills in the middle of a file, of which {rest} are left at the end"
    yield what, killed, happened, wrong


def kills(args, folder):
    yield from kill_often(args, folder, "SIGKILL in a fit with a checkpoint", fit_in, look_at_files)


def experiment(args, folder):
    yield from kill_often(args, folder, "SIGKILL in the experiment", experiment_in, look_at_results)


@contextmanager
def small_disk(folder):
    """Yield a function that mounts a file system at a folder, or alters it; it returns whether it could."""
    folder.mkdir()
    mounted = False

    def mount(options):
        nonlocal mounted
        if os.geteuid() == 0:
            options = f"remount,{options}" if mounted else options
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
            mounted = subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0 or mounted
        return mounted

    try:
        yield mount
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def full_disk(args, folder):
    call(fit, args.seed, checkpoint=folder / "whole", memory=folder / "whole")
    sizes = {path.stem: path.stat().st_size for path in (folder / "whole").iterdir()}
    pretraining, refinement = sizes.pop("pretraining"), sizes.pop("refinement")
    # the bytes of a disk, or of a file, that suffice for one phase but not for the next, or for half a file
    rooms = {"checkpoint": (pretraining + 1.5 * refinement, (pretraining + refinement) / 2)}
    rooms |= {"memory": (sum(sizes.values()) / 2,) * 2, "stream": (images().nbytes / 2,) * 2}
    for name, (disk, file) in rooms.items():
        with small_disk(folder / name) as mount:
            mounted, params = mount(f"size={disk:.0f}"), {name: folder / name}
            error, message = call(fit, args.seed, largest_file=None if mounted else int(file), **params)
            names = sorted(path.name for path in (folder / name).iterdir())
            wrong = look_at_files(folder / name) + ["half-written files"] * any(".tmp" in n for n in names)
            causes = ["No space left" if mounted else "File too large"] + ["TMPDIR"] * (name == "stream")
            wrong += [f"{message!r} lacks {cause}" for cause in causes if cause not in message]
            wrong += ["no checkpoint left"] * (name == "checkpoint" and "pretraining.npz" not in names)
            # without a memory the fit would continue; the worker turns the warning into an error
            reported = "UserWarning" if name == "memory" else "OSError"
            wrong += [f"no {reported}"] * (error != reported)
            mount("size=100m")
            if call(fit, args.seed, **params) != undisturbed(args.seed):
                wrong.append("differs when there is room again")
        how = "file system" if mounted else "limit on files"
        left = ", ".join(names) if name == "checkpoint" else "nothing"
        yield f"full disk for a while, {name} ({how})", 1, f"{error}; {left} kept", wrong


def read_only(args, folder):
    for name in ("checkpoint", "memory"):
        with small_disk(folder / name) as mount:
            if not mount("ro"):
                (folder / name).chmod(0o500)
            times, happened, wrong = 0, "left out, as root may write anywhere", []
            if not os.access(folder / name, os.W_OK):
                times = 1
                happened, message = call(fit, args.seed, may_train=False, **{name: folder / name})
                if happened != "ValueError" or f"{name}=" not in message:
                    wrong = [message]
        yield f"read-only folder, {name}", times, happened, wrong


def neighbors(args, folder):
    for what, seeds in {"equal": [args.seed] * 2, "different": [args.seed, args.seed + 1]}.items():
        wrong, times = [], 3
        for i in range(times):
            memory = folder / f"{what}-{i}"
            processes = [start(fit, seed, memory=memory) for seed in seeds]
            if [finish(*process) for process in processes] != [undisturbed(seed) for seed in seeds]:
                wrong.append("results differ from those alone")
            if look_at_files(memory) or len(list(memory.iterdir())) != len({*seeds}):
                wrong.append("not exactly one good file for each pretraining")
        yield f"two {what} fits with one memory at once", times, f"{2 * times} done", wrong


def interrupts(args, folder):
    moments = np.random.default_rng(args.seed).uniform(0, 0.7, args.kills).tolist()
    outcome, counts = call(interrupt, args.seed, moments)
    wrong = [outcome, counts]
    if outcome == "returned":
        wrong = ["an earlier fit, or a later one, differs"] * bool(counts.pop("wrong"))
        outcome = ", ".join(f"{n} {name}" for name, n in counts.items())
    yield "SIGINT in a second fit", args.kills, outcome, wrong


def divergence(args, folder):
    outcome, ways = call(diverge, args.seed, folder)
    for way, wrong in ways.items() if outcome == "returned" else [("any", [outcome, ways])]:
        yield f"divergence, {way}", 1, "diverged" if wrong else "FloatingPointError", wrong


def main():
    functions = (kills, experiment, full_disk, read_only, neighbors, interrupts, divergence)
    faults = {function.__name__.replace("_", "-"): function for function in functions}
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--only", nargs="+", choices=faults, default=list(faults), help="by default all")
    parser.add_argument("--kills", type=int, default=30, help="how many kills, or interrupts (30)")
    parser.add_argument("--seed", type=int, default=0, help="of the fits, and of the moments of kills (0)")
    parser.add_argument("--output", default="faults.json", help="file of all numbers")
    args = parser.parse_args()
    # an exception, so that nothing stays mounted
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    CONTEXT.set_forkserver_preload(["keras", "skdcec", "sklearn.mixture", "pandas"])

    names, lines = ("fault", "times", "happened", "wrong"), []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.only:
            begin, place = time.perf_counter(), Path(folder) / name
            place.mkdir()
            lines += [dict(zip(names, line, strict=True)) for line in faults[name](args, place)]
            print(f"{name} done in {time.perf_counter() - begin:.0f} s", flush=True)
    table = []
    for line in lines:
        wrong = [" ".join(text.split())[:200] for text in dict.fromkeys(map(str, line["wrong"]))]
        happened = "; ".join([line["happened"], *wrong])
        table.append([line["fault"], line["times"], happened, "no" if line["wrong"] else "yes"])
    print_table(["fault", "times", "what happened", "as promised"], table)
    write(args.output, {"faults": lines})
    sys.exit(any(line["wrong"] for line in lines))


if __name__ == "__main__":
    main()
