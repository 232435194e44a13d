"""Builders of Keras autoencoders. Importing this module imports Keras."""

from skdcec._deep._networks import conv_autoencoder, dense_autoencoder

__all__ = ["conv_autoencoder", "dense_autoencoder"]
