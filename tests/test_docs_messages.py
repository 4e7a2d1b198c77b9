"""Every message that docs/troubleshooting.md quotes is one that the program has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
GAP = "…"
LEAST = 4  # characters of a constant part that are looked for
QUOTED = re.compile(r"`([^`]+)`")


def messages() -> list[str]:
    """What is quoted in the first column of the tables with messages."""
    found, in_table = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            in_table = False
        elif cells[0].startswith("message"):
            in_table = True
        elif in_table and not cells[0].startswith("---"):
            found += QUOTED.findall(cells[0])
    return found


@cache
def texts() -> tuple[str, ...]:
    """All texts in the code; what is filled in is a gap."""
    files = [*(ROOT / "src").rglob("*.py"), ROOT / "scripts" / "fetch_clips.py"]
    return tuple(text for path in files for text in _texts(ast.parse(path.read_text(encoding="utf-8"))))


def _texts(tree: ast.AST) -> Iterator[str]:
    written = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if id(node) in written:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else GAP for p in node.values)
            yield _plain("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _plain(node.value)


def _plain(text: str) -> str:
    """Without the quotes around code, which a quotation in Markdown can't have."""
    return " ".join(text.replace("`", "").split())


def test_the_page_has_messages() -> None:
    assert len(messages()) > 40


@pytest.mark.parametrize("message", messages())
def test_quoted_message_is_in_the_program(message: str) -> None:
    parts = [part.strip() for part in message.split(GAP) if len(part.strip()) >= LEAST]
    assert parts, f"`{message}` has no constant part to look for"
    assert any(_holds(text, parts) for text in texts()), f"no text in the program is like `{message}`"


def _holds(text: str, parts: list[str]) -> bool:
    """Whether the parts stand in a text in this order."""
    place = 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True
