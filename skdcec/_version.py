"""The version of the package, for everyone who needs it."""

__version__ = "0.1.0"
