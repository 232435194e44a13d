"""Check that package, citation and changelog agree on a version; print its part of the changelog."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def changes(version):
    """Return the section of a version in the changelog."""
    sections = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for section in sections[1:]:
        title, _, text = section.partition("\n")
        if re.match(rf"\[?{re.escape(version)}\b", title):
            if "unreleased" in title:
                raise SystemExit(f"CHANGELOG.md says that {version} is unreleased.")
            return text.strip()
    raise SystemExit(f"CHANGELOG.md has no section for {version}.")


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
