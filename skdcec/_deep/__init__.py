"""The autoencoders and DCEC. Keras is imported when a network is first needed."""
