"""Sphinx configuration."""

import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

from skdcec import __version__

DOCS = Path(__file__).parent
PAPER = DOCS.parent / "examples" / "paper"

project = "skdcec"
author = "The skdcec developers"
version = release = __version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
default_role = "literal"
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/**/*.py", "auto_examples/**/*.md5"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "skdcec"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_theme_options = {"header_links_before_dropdown": 5, "show_toc_level": 2}
# pages without siblings
ALONE = ("index", "install", "quality", "paper", "performance", "comparison", "design", "changelog")
html_sidebars = {page: [] for page in (*ALONE, "contributing", "checklists")}

# math as MathML, which browsers draw by themselves: pages work offline
html_math_renderer = "mathml"
copybutton_exclude = ".linenos, .gp, .go"

autosummary_generate = True
# types are in the docstrings
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # the scripts of the paper and of the benchmarks are no pages
    "ignore_pattern": r"/(paper|benchmarks)/",
    "subsection_order": ["../examples/explained", "../examples/deep", "../examples/centers"],
    "within_subsection_order": "FileNameSortKey",
    "doc_module": "skdcec",
    "backreferences_dir": "generated/backreferences",
    "reference_url": {"skdcec": None},
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "plot_gallery": "True",
}


def write_paper_tables(app):
    """Make the tables and figures of the paper's experiment from its results, so that no page can differ."""
    sys.path.insert(0, str(PAPER))
    import report

    mpl.use("agg")
    for results in sorted((PAPER / "results").glob("*.csv")):
        report.write(pd.read_csv(results), DOCS / "generated" / "paper" / results.stem)


def write_math(translator, node):
    """Write a formula as MathML."""
    is_block = isinstance(node, nodes.math_block)
    markup = tex2mathml(node.astext(), as_block=is_block)
    translator.body.append(f'<div class="math">{markup}</div>' if is_block else markup)
    raise nodes.SkipNode


def setup(app):
    app.connect("builder-inited", write_paper_tables)
    app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))
