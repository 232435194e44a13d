"""Sphinx configuration."""

from skdcec import __version__

project = "skdcec"
author = "The skdcec developers"
version = release = __version__
extensions = ["sphinx.ext.autodoc", "numpydoc"]
default_role = "literal"
html_theme = "pydata_sphinx_theme"
html_title = "skdcec"
# a handful of pages, all in the header; tables want the width
html_sidebars = {"**": []}
exclude_patterns = ["_build"]
numpydoc_show_class_members = False
