"""Print the oldest versions of the dependencies that pyproject.toml allows, as pip takes them."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
requirements = (requirement.partition(";")[0] for requirement in project["dependencies"])
print(*(requirement.replace(">=", "==") + ".*" for requirement in requirements))
