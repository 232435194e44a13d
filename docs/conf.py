"""Sphinx configuration."""

from skdcec import __version__

project = "skdcec"
author = "The skdcec developers"
version = release = __version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.intersphinx", "numpydoc"]
html_theme = "pydata_sphinx_theme"
html_title = "skdcec"
exclude_patterns = ["_build"]
autosummary_generate = False
numpydoc_show_class_members = False
