"""
Going on after a crash
======================

A fit of many hours may be killed half-way. Does it have to start anew? With ``checkpoint``, a folder,
:class:`~skdcec.DCEC` keeps its progress. This page lets a fit crash in the middle of joint training, calls it
again, and compares the result with that of a fit that nothing disturbed.
"""

# %%
# A fit that nothing disturbs
# ---------------------------

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
        init=MahalanobisKMeans(covariance_type="tied", n_init=20),
        autoencoder=ConvAutoencoder(
            filters=(16, 32, 64), kernel_sizes=(3, 3, 3), augmentation="affine", epochs=20, batch_size=32
        ),
        batch_size=64,
        max_batches=280,
        batches_per_update=35,
        tol=0,
        checkpoint=checkpoint,
        random_state=0,
    )


undisturbed = make_dcec().fit(X)
print(f"{undisturbed.n_batches_} batches of joint training")

# %%
# A crash
# -------
# A callback counts epochs of pretraining and updates of joint training. At the sixth update it raises an
# error, in the place of a power cut. Until then it waits a moment at each update, as if the images were
# many more: a fit writes its progress at most every five seconds, and the updates of this one are shorter
# than that.


class Crash:
    """Callback that counts the tasks of a fit, and raises an error at one of the updates if it is told to."""

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
# The estimator is as it was before the fit. The folder has what is needed to go on: arrays and JSON, one file
# for each phase that was begun.

for path in sorted(Path(folder.name).iterdir()):
    print(path.name)

# %%
# The same call again
# -------------------
# Equal parameters, equal images, the same folder: the fit goes on. This might be another process, on another
# day. A fit with other parameters or images would be refused, with a message that names the difference.

resumed = make_dcec(checkpoint=folder.name)
counter = Crash()
resumed.set_callbacks(counter).fit(X)
print(f"trained again: {counter.counts['epoch']} epochs and {counter.counts['update']} updates")
print(f"of {resumed.autoencoder.epochs} epochs and {len(resumed.history_['n_batches'])} updates")

# %%
# No epoch of pretraining was repeated, and of joint training only what had come after the last file. A
# crash costs about five seconds, or the one update or epoch that was under way, where these take longer.
#
# And the result is the same, to the last bit:

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
# ``history_`` of the resumed fit also covers the time before the crash, which the vertical line marks. No
# curve jumps there.

display = HistoryDisplay.from_estimator(resumed)
display.figure_.suptitle("History of the resumed fit, with the crash")
crashed_at = resumed.history_["n_batches"][crash.counts["update"] - 1]
display.ax_.axvline(crashed_at, color="0.5", linestyle=":")
display.ax_.annotate(" crash", (crashed_at, 0.5), xycoords=("data", "axes fraction"), va="top", color="0.3")
plt.show()

# %%
# What to take from it
# --------------------
# Name a ``checkpoint`` folder for every fit that takes longer than you like to wait twice, one folder for
# each fit. Both phases are covered. The bits are the same where the machine, the number of threads and the
# versions are the same; fits with other versions of the software are refused. Delete the folder when the
# fit is done. ``memory`` is for something else: it keeps finished autoencoders, for fits that differ in the
# clustering.
