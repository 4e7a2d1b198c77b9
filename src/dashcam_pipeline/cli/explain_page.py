"""One sighting as a page to hand on: a single file without scripts, the pictures inside."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from dashcam_pipeline import __version__
from dashcam_pipeline.cli.explain_votes import VOTES, positions
from dashcam_pipeline.cli.explain_words import (
    RIGHT_ALIGNED,
    facts,
    legend,
    looks_table,
    readers,
)
from dashcam_pipeline.storage.explaining import Explanation, LooksOf

STYLE = """\
body { font: 15px/1.45 sans-serif; max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: .15rem .6rem .15rem 0; vertical-align: top; }
thead th { border-bottom: 1px solid #999; }
.right { text-align: right; } .agrees { color: #1a7f37; font-weight: bold; }
figure { margin: 1rem 0; } img { max-width: 100%; } figcaption, .small { color: #666; font-size: 13px; }
"""


def page(explanation: Explanation) -> str:
    """The page as HTML."""
    seen = explanation.sighting
    title = f"{seen.text or 'No plate'} - sighting {seen.id}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{escape(title)}</title><style>\n{STYLE}</style></head>',
            f"<body><h1>{escape(title)}</h1>",
            *_facts(explanation),
            *_pictures(explanation),
            *_looks(explanation.parts),
            *_votes(explanation),
            f'<p class="small">Written by dashcam-pipeline {escape(__version__)}.</p>',
            "</body></html>",
            "",
        ]
    )


def _facts(explanation: Explanation) -> Iterator[str]:
    yield "<table>"
    for fact in facts(explanation):
        yield f'<tr><th scope="row">{escape(fact.name)}</th><td>{escape(fact.value)}</td></tr>'
    yield "</table>"


def _pictures(explanation: Explanation) -> Iterator[str]:
    found = explanation.pictures()
    if not found:
        return
    yield "<h2>Pictures</h2>"
    for what, path in found.items():
        picture = _embedded(path)
        shown = f'<img alt="{escape(what)}" src="{picture}">' if picture else "(the file is not on this host)"
        yield f"<figure>{shown}<figcaption>{escape(what)}: {escape(str(path))}</figcaption></figure>"


def _embedded(path: Path) -> str | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _looks(parts: tuple[LooksOf, ...]) -> Iterator[str]:
    letters = readers(parts)
    tables = [looks_table(part.looks, letters) for part in parts]
    for part, table in zip(parts, tables, strict=True):
        whose = f" of {part.id}, {part.video or ''}" if len(parts) > 1 else ""
        yield f"<h2>Looks at it{escape(whose)}</h2>"
        yield from _table(table.columns, table.rows)
    yield f'<p class="small">{escape(legend(tables, letters))}</p>'


def _votes(explanation: Explanation) -> Iterator[str]:
    rows = [(str(one.number), one.shares, one.differing) for one in positions(explanation)]
    if rows:
        yield f"<h2>{VOTES.capitalize()}</h2>"
        yield from _table(("position", "shares", "reads"), rows)


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    names = tuple(columns)
    yield "<table><thead><tr>"
    yield "".join(f"<th{_class(name, '')}>{escape(name)}</th>" for name in names)
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = zip(names, row, strict=True)
        yield f"<tr>{''.join(f'<td{_class(name, cell)}>{escape(cell)}</td>' for name, cell in cells)}</tr>"
    yield "</tbody></table>"


def _class(column: str, cell: str) -> str:
    if column in RIGHT_ALIGNED:
        return ' class="right"'
    return ' class="agrees"' if column == "vote" and cell == "agrees" else ""
