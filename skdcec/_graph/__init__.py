"""Clustering by the neighbors of samples: graphs, and communities in them."""
