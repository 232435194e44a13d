"""The report as one page of HTML, which opens offline."""

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #8884; padding: .2rem .8rem .2rem 0; text-align: left; }
td.number, th.number { text-align: right; }
img { border-radius: 4px; max-width: 100%; }
.verdict { border-left: 4px solid #2a7; padding: .1rem 1rem; } .doubtful { border-color: #d80; }
.small { color: #888; font-size: .85rem; }
"""


def whole_page(title: str, parts: Iterable[str]) -> bytes:
    """Return a whole page."""
    body = "\n".join(parts)
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
    return text.encode("utf-8", "replace")


def escape(text: Any) -> str:
    """Return a text as HTML."""
    return html.escape(str(text))


def heading(text: str, level: int = 2) -> str:
    """Return a heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def verdict(text: str, doubts: Sequence[str]) -> str:
    """Return the verdict, with the doubts as a list."""
    listed = "".join(f"<li>{escape(doubt)}</li>" for doubt in doubts)
    kind = "verdict doubtful" if doubts else "verdict"
    return f'<div class="{kind}"><p>{escape(text)}</p>' + (f"<ul>{listed}</ul>" if doubts else "") + "</div>"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table, with numbers on the right."""

    def cell(value: Any, tag: str) -> str:
        kind = " class=number" if isinstance(value, int | float) else ""
        return f"<{tag}{kind}>{escape(value)}</{tag}>"

    head = "".join(cell(name, "th") for name in header)
    body = "".join("<tr>" + "".join(cell(value, "td") for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(jpeg: bytes, alt: str) -> str:
    """Return a picture as a part of the page."""
    content = base64.b64encode(jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{content}" alt="{escape(alt)}">'
