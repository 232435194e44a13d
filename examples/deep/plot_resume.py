"""
Resuming after a crash
======================
With ``checkpoint``, a folder, :class:`~skdcec.DCEC` saves the progress of a long fit. This page lets a fit
crash in the middle of joint training, calls it again, and compares the result with an undisturbed fit.
"""

# %%
# An undisturbed fit
# ------------------

import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skdcec import DCEC, ConvAutoencoder, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.plotting import HistoryDisplay

X = load_digits_images().images


def make_dcec(checkpoint=None):
    """Return the estimator of this page, with or without a checkpoint."""
    return DCEC(
        init=MahalanobisKMeans(covariance_type="tied"),
        autoencoder=ConvAutoencoder(
            filters=(16, 32, 64), kernel_sizes=(3, 3, 3), augmentation="affine", epochs=20, batch_size=32
        ),
        batch_size=64,
        max_batches=280,
        batches_per_update=35,
        tol=0,
        checkpoint=checkpoint,
        random_state=0,
        gamma=0.1,
        keep="last",
    )


undisturbed = make_dcec().fit(X)
print(f"{undisturbed.n_batches_} batches of joint training")

# %%
# A crash
# -------
# A callback counts epochs of pretraining and updates of joint training. At the sixth update it raises an
# error, to simulate a crash. Until then it waits a moment at each update, as if there were many more images:
# a fit writes its progress at most every five seconds, and the updates of this one are shorter.


class Crash:
    """Callback that counts the tasks of a fit, and raises an error at a given update."""

    max_propagation_depth = None  # take part in the pretraining, which is the fit of another estimator

    def __init__(self, update=None, wait=0):
        self.update, self.wait, self.counts = update, wait, {"epoch": 0, "update": 0}

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name in self.counts:
            self.counts[context.task_name] += 1
        if context.task_name == "update":
            time.sleep(self.wait)
            if self.counts["update"] == self.update:
                raise RuntimeError("the lights went out")


folder = tempfile.TemporaryDirectory()
crash = Crash(update=6, wait=1.5)
dcec = make_dcec(checkpoint=folder.name).set_callbacks(crash)
try:
    dcec.fit(X)
except RuntimeError as error:
    print(f"{error}, after {crash.counts['epoch']} epochs and {crash.counts['update']} updates")
print("fitted:", hasattr(dcec, "labels_"))

# %%
# The estimator is unchanged by the failed fit. The folder has everything that is needed to resume: arrays and
# JSON, one file for each phase that had begun.

for path in sorted(Path(folder.name).iterdir()):
    print(path.name)

# %%
# The same call again
# -------------------
# With equal parameters, equal images and the same folder, the fit resumes, even in another process. A fit
# with other parameters or images would be refused, with a message that names the difference.

resumed = make_dcec(checkpoint=folder.name)
counter = Crash()
resumed.set_callbacks(counter).fit(X)
print(f"trained again: {counter.counts['epoch']} epochs and {counter.counts['update']} updates")
print(f"of {resumed.autoencoder.epochs} epochs and {len(resumed.history_['n_batches'])} updates")

# %%
# Only the updates after the last save were repeated, and no epoch of pretraining. A crash costs about five
# seconds, or one update or epoch if these take longer.
#
# The results are identical:

print("labels equal: ", np.array_equal(undisturbed.labels_, resumed.labels_))
print("centers equal:", np.array_equal(undisturbed.cluster_centers_, resumed.cluster_centers_))
print(
    "weights equal:",
    all(map(np.array_equal, undisturbed.autoencoder_.weights_, resumed.autoencoder_.weights_)),
)
folder.cleanup()

# %%
# The history has no gap
# ----------------------
# ``history_`` of the resumed fit includes the time before the crash, which the vertical line marks. No curve
# jumps there.

display = HistoryDisplay.from_estimator(resumed)
display.figure_.suptitle("History of the resumed fit, with the crash")
crashed_at = resumed.history_["n_batches"][crash.counts["update"] - 1]
display.ax_.axvline(crashed_at, color="0.5", linestyle=":")
display.ax_.annotate(" crash", (crashed_at, 0.5), xycoords=("data", "axes fraction"), va="top", color="0.3")
plt.show()

# %%
# Summary
# -------
# Use a ``checkpoint`` folder for every long fit, one folder for each fit. It covers both phases. Results are
# identical if the machine, the number of threads and the versions are the same; fits with other versions of
# the software are refused. Delete the folder when the fit is done. ``memory`` has a different purpose: it
# stores finished autoencoders, for fits that differ in the clustering.
