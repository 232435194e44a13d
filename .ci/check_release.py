"""Check that package, citation and changelog agree on a version; print its part of the changelog."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def changes(version):
    """Return the section of a version in the changelog, whose title has a date."""
    title = rf"^## \[?{re.escape(version)}\]?\s*[(-]\s*\d{{4}}-\d\d-\d\d[^\n]*$"
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"{title}(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise SystemExit(f"CHANGELOG.md has no dated section for {version}.")
    return found[1].strip()


def main(version):
    for path, pattern in {
        "skdcec/_version.py": r'^__version__ = "(.*)"$',
        "CITATION.cff": r"^version: (.*)$",
    }.items():
        found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)[1]
        if found != version:
            raise SystemExit(f"{path} says {found}, but the tag {version}.")
    print(changes(version))


if __name__ == "__main__":
    main(*sys.argv[1:])
