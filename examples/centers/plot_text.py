"""
Cluster texts
=============
Texts as words weighted by TF-IDF are sparse rows with thousands of columns. The two K-harmonic clusterers
take them as they are. The texts are the descriptions of scikit-learn's own estimators, so that nothing is
downloaded; the module of each is its class.
"""

# %%
# Sparse rows
# -----------
# The estimators of five modules, without words that are in two of five texts.

import numpy as np
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import all_estimators

from skdcec import KernelKHarmonicMeans, KHarmonicMeans

modules = ["linear_model", "cluster", "ensemble", "preprocessing", "decomposition"]
texts, classes = [], []
for name, estimator in all_estimators():
    module = estimator.__module__.split(".")[1]
    if module in modules and estimator.__doc__:
        texts.append(name + estimator.__doc__)
        classes.append(module)
vectorizer = TfidfVectorizer(stop_words="english", min_df=3, max_df=0.4, sublinear_tf=True)
X = vectorizer.fit_transform(texts)
print(f"{X.shape[0]} texts, {X.shape[1]} words, {X.nnz / X.shape[0]:.0f} of them in a text")

# %%
# Clusters
# --------
# With so many columns, all distances are similar, and ``p="auto"`` takes a large exponent: the harmonic
# means are then close to k-means. The adjusted Rand index, averaged over five seeds:

clusterers = {
    "k-means, 10 starts": KMeans(5, n_init=10),
    "K-harmonic means": KHarmonicMeans(5),
    "kernel K-harmonic means": KernelKHarmonicMeans(5),
}
for name, clusterer in clusterers.items():
    scores = [
        adjusted_rand_score(classes, clusterer.set_params(random_state=seed).fit_predict(X))
        for seed in range(5)
    ]
    print(f"{name:24} {np.mean(scores):.2f}")

# %%
# The words of a cluster
# ----------------------
# The centers are dense, in the space of the words. The largest entries name the clusters.

khm = clusterers["K-harmonic means"].set_params(random_state=0).fit(X)
words = vectorizer.get_feature_names_out()
print(f"p = {khm.p_:.0f}")
for j, center in enumerate(khm.cluster_centers_):
    size = np.count_nonzero(khm.labels_ == j)
    print(f"{size:3} texts:", ", ".join(words[np.argsort(-center)[:6]]))
