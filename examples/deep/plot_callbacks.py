"""
Monitoring a fit
================
Every estimator of the package supports the callbacks of scikit-learn. This page records scores at each update
of joint training, draws them, and defines a callback that stops pretraining when the loss hardly falls.
"""

# %%
# Progress bars
# -------------
# ``dcec.set_callbacks(ProgressBar())``, with ``ProgressBar`` from ``sklearn.callback``, shows a bar for each
# phase of a fit in a terminal or a notebook. It needs the package rich. It is left out here, because it
# moves.

# %%
# Scores at each update
# ---------------------
# ``ScoringMonitor`` calls a scorer on the training images at each update, with the estimator as it would be
# if the fit ended there. The true digits ``y`` are passed to the callbacks; training does not use them.
# Pass ``scoring`` by name, as a list of names, or as a dictionary of scorers as here.

import matplotlib.pyplot as plt
from sklearn.callback import ScoringMonitor
from sklearn.metrics import make_scorer, normalized_mutual_info_score

from skdcec import DCEC, ConvAutoencoder, MahalanobisKMeans
from skdcec.datasets import load_digits_images
from skdcec.metrics import clustering_accuracy_score
from skdcec.plotting import HistoryDisplay

digits = load_digits_images()
X, y = digits.images, digits.target

monitor = ScoringMonitor(
    scoring={
        "accuracy": make_scorer(clustering_accuracy_score),
        "NMI": make_scorer(normalized_mutual_info_score),
    }
)
dcec = DCEC(
    init=MahalanobisKMeans(covariance_type="tied"),
    autoencoder=ConvAutoencoder(kernel_sizes=(3, 3, 3), epochs=40, batch_size=32, augmentation=None),
    batch_size=64,
    max_batches=700,
    batches_per_update=100,
    random_state=0,
    gamma=0.1,
    tol=1e-3,
    keep="last",
)
dcec.set_callbacks(monitor).fit(X, y)

log = monitor.get_logs().data_as_pandas
updates = log[log["task_name"] == "update"]
print(log["task_name"].value_counts().to_string())
table = updates[["accuracy", "NMI"]].assign(batch=dcec.history_["n_batches"]).set_index("batch")
print(table.round(3))

# %%
# The log has a row for each task at whose end the estimator could predict: the updates, joint training, and
# the fit. Most of its columns are the position of the row in the tree of tasks.
#
# The updates are in the same order as in ``history_``, so their scores can be drawn with it:

scores = {name: updates[name] for name in ("accuracy", "NMI")}
display = HistoryDisplay.from_estimator(dcec, scores=scores)
display.figure_.suptitle("Losses and scores at each update of joint training")
plt.show()

# %%
# Solid lines belong to the left axis, dashed ones to the right. The losses do not depend on the digits, so
# the scores need not follow them: here accuracy and NMI rise nearly all the way, and both losses are higher
# at the end than at the first update.

# %%
# Define a callback
# -----------------
# A callback is any object with these four methods. Hooks may have keyword arguments for the images ``X``,
# ``y``, and ``fitted_estimator``, the estimator as if the fit ended here. If ``on_fit_task_end`` returns a
# true value, the loop around the task ends. This callback ends training if ten epochs have lowered the loss
# by less than a tenth.


class StopEarly:
    """Callback that ends pretraining when the loss hardly falls."""

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            losses = fitted_estimator.history_["reconstruction_loss"]
            return len(losses) > 10 and losses[-1] > 0.9 * losses[-11]


autoencoder = ConvAutoencoder(
    filters=(16, 32, 64), kernel_sizes=(3, 3, 3), epochs=200, batch_size=64, random_state=0, augmentation=None
)
autoencoder.set_callbacks(StopEarly()).fit(X)
print(f"{len(autoencoder.history_['reconstruction_loss'])} of {autoencoder.epochs} epochs")

display = HistoryDisplay.from_estimator(autoencoder)
display.figure_.suptitle("Reconstruction loss of pretraining that ended early")
plt.show()

# %%
# The autoencoder is fitted, with the weights of its last epoch.
#
# The tasks are named ``fit``, then ``epoch`` in an autoencoder, and ``pretrain``, ``initialize``,
# ``refine`` and ``update`` in :class:`~skdcec.DCEC`. An attribute ``max_propagation_depth = None`` in the
# class makes DCEC pass the callback on to its autoencoder, as it does with a progress bar.

# %%
# Summary
# -------
# Monitor scores if you have true labels, and never report scores that you used for choices. Without labels,
# ``history_`` has the losses and the fraction of labels that changed, at no cost. A callback can also save,
# plot, or end a fit; :class:`~skdcec.plotting.HistoryDisplay` draws recorded values, one for each update.
