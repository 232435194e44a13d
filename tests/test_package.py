"""Metadata, documentation, docstrings and imports of the package are consistent."""

import ast
import configparser
import inspect
import os
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from numpydoc.validate import validate
from sklearn.base import BaseEstimator

import skdcec
import skdcec.covariances
import skdcec.datasets
import skdcec.exceptions
import skdcec.folders
import skdcec.kernels
import skdcec.layers
import skdcec.losses
import skdcec.metrics
import skdcec.networks
import skdcec.plotting

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = (
    skdcec,
    skdcec.covariances,
    skdcec.datasets,
    skdcec.exceptions,
    skdcec.folders,
    skdcec.kernels,
    skdcec.layers,
    skdcec.losses,
    skdcec.metrics,
    skdcec.networks,
    skdcec.plotting,
)


def commands():
    """The two commands of the README: the example and the tests."""
    return [
        re.search(rf"<!-- {name} command -->\s*```\w*\n(.+?)\n```", README, flags=re.DOTALL).group(1)
        for name in ("example", "test")
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="bash may be another one there")
def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci/run").read_text()
    extraction = re.search(r"test_command=\$\((.+)\)\n", script).group(1)
    shell = subprocess.run(["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shell.stdout.strip() == commands()[1]
    assert "$test_command" in script.split(extraction)[1]
    assert commands()[1].startswith("python -m pip install")
    assert "pytest" in commands()[1]


def test_the_commands_name_what_exists():
    for path in re.findall(r"examples/\S+\.py", README):
        assert (ROOT / path).exists()
    extras = PYPROJECT["project"]["optional-dependencies"]
    for command in commands():
        for name in re.search(r"\[(.+)\]", command).group(1).split(","):
            assert name in extras


def test_versions_agree():
    assert skdcec.__version__ in (ROOT / "CHANGELOG.md").read_text()
    python = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    assert f"Python {python}" in README
    for requirement in PYPROJECT["project"]["dependencies"]:
        name, minimum = requirement.partition(";")[0].split(">=")
        assert f"{name} {minimum}" in README


def test_public_names_are_complete_and_documented():
    public = {name for name, value in vars(skdcec).items() if inspect.isclass(value)}
    assert public == set(skdcec.__all__) - {"__version__", "critical_exponent"}
    for name in public:
        assert name in README
        estimator = getattr(skdcec, name)
        assert issubclass(estimator, BaseEstimator)
        documented = inspect.getdoc(estimator)
        for parameter in inspect.signature(estimator).parameters:
            assert re.search(rf"^{parameter} : ", documented, flags=re.MULTILINE), parameter


def test_the_api_page_lists_all_that_is_public():
    page = (ROOT / "docs/api.rst").read_text()
    listed = set(re.findall(r"^   (\w+)$", page, flags=re.MULTILINE))
    names = {name for module in MODULES for name in module.__all__}
    assert listed == names - {"__version__", "clustering_accuracy_scorer"}
    assert "skdcec.metrics.clustering_accuracy_scorer" in page


def test_versions_of_the_citation():
    assert f"version: {skdcec.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_recipe_has_the_dependencies_of_the_package():
    recipe = (ROOT / ".ci/recipe.yaml").read_text()
    listed = re.findall(r"^    - (.+)$", recipe.split("  run:")[1].split("\ntests:")[0], re.MULTILINE)
    wanted = [requirement.partition(";")[0] for requirement in PYPROJECT["project"]["dependencies"]]
    wanted.append("python" + PYPROJECT["project"]["requires-python"])
    assert sorted(line.replace(" ", "") for line in listed) == sorted(wanted)
    assert f'version: "{skdcec.__version__}"' in recipe


def check_release(root, version):
    """Run the check of a tag in a copy of the files that it reads."""
    script = [sys.executable, root / ".ci/check_release.py", version]
    return subprocess.run(script, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("title", "version", "error"),
    [
        ("(2026-12-01)", skdcec.__version__, ""),
        ("(unreleased)", skdcec.__version__, "has no dated section"),
        ("", skdcec.__version__, "has no dated section"),
        (".post1 (2026-12-01)", skdcec.__version__, "has no dated section"),
        ("(2026-12-01)", "0.0.9", "but the tag 0.0.9"),
    ],
)
def test_a_tag_needs_a_dated_section_of_the_changelog(tmp_path, title, version, error):
    for path in (".ci/check_release.py", "CITATION.cff", "skdcec/_version.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    space = "" if title.startswith(".") else " "
    changes = (
        f"# Changelog\n\n## {skdcec.__version__}{space}{title}\n\nNews.\n\n## 0.0.1 (2026-01-01)\n\nOld.\n"
    )
    (tmp_path / "CHANGELOG.md").write_text(changes)
    made = check_release(tmp_path, version)
    assert (made.returncode != 0) == bool(error)
    assert error in made.stderr
    assert made.stdout.strip() == ("" if error else "News.")


def public_docstrings():
    """The import paths of all public classes, methods and functions."""
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{module.__name__}.{name}"
            for method in dir(value) if inspect.isclass(value) else []:
                member = getattr(value, method)
                ours = (getattr(member, "__module__", None) or "").startswith("skdcec")
                if ours and callable(member) and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}"


@pytest.mark.parametrize("path", list(public_docstrings()))
def test_docstrings_are_numpydoc(path):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    ignored = set(config["numpydoc_validation"]["checks"].split(",")) - {"all"}
    assert [error for error in validate(path)["errors"] if error[0] not in ignored] == []


@pytest.mark.parametrize("module", ["keras", "tensorflow", "matplotlib"])
def test_import_is_light(module):
    public = ("metrics", "datasets", "plotting", "kernels", "covariances", "losses")
    modules = ", ".join(["skdcec", *(f"skdcec.{name}" for name in public)])
    script = f"import sys, {modules}; sys.exit({module!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONWARNINGS": ""})


def test_no_estimator_needs_keras_before_a_network_does():
    script = (
        "import sys, numpy as np; from skdcec import KHarmonicMeans, DCEC; "
        "KHarmonicMeans(2).fit(np.random.rand(20, 2)); DCEC(init=KHarmonicMeans()).get_params(); "
        "sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def modules_of(wing=""):
    """Syntax trees of the modules of the package, by name."""
    root = ROOT / "skdcec"
    return {
        ".".join(path.relative_to(root.parent).with_suffix("").parts): ast.parse(path.read_text())
        for path in sorted((root / wing).rglob("*.py"))
    }


def imports_of(tree):
    """Modules of the package that a module imports, including imports inside functions."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {node.module for node in nodes if node.module.split(".")[0] == "skdcec"}


# Modules that all wings may import.
SHARED = {
    "skdcec._image_shape",
    "skdcec._lazy",
    "skdcec._sizes",
    "skdcec._sklearn",
    "skdcec._task",
    "skdcec._version",
    "skdcec._warn",
    "skdcec.exceptions",
}


@pytest.mark.parametrize(
    ("wing", "allowed"),
    [
        ("_cluster", ("_cluster",)),
        ("_graph", ("_graph", "_cluster")),
        ("_deep", ("_deep", "_graph", "_cluster")),
    ],
    ids=str,
)
def test_no_import_runs_upward(wing, allowed):
    for module, tree in modules_of(wing).items():
        for imported in imports_of(tree) - SHARED:
            assert imported.split(".")[1] in allowed, f"{module} imports {imported}"
    for module in SHARED:
        assert imports_of(modules_of()[module]) <= SHARED


def test_imports_have_no_circle():
    imports = {module: imports_of(tree) for module, tree in modules_of().items()}
    for part, packages in list(imports.items()):
        imports[part] = {name for name in packages if name in imports}
    order = TopologicalSorter(imports)
    order.prepare()  # raises CycleError


def test_the_cluster_wing_needs_numpy_only():
    for module, tree in modules_of("_cluster").items():
        text = ast.dump(tree)
        assert "'keras'" not in text, module
        assert "'tensorflow'" not in text, module
