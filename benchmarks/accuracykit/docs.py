"""Puts the report between the marks of docs/accuracy.md."""

from __future__ import annotations

from accuracykit.report import Report, text
from benchkit.trouble import BenchTrouble
from benchkit.videos import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "accuracy.md"
IMAGES = REPOSITORY / "docs" / "images"
BEGIN = "<!-- figures: written by benchmarks/accuracy.py --write-docs -->"
END = "<!-- end of figures -->"


def write_docs(report: Report) -> None:
    """Raises BenchTrouble where the document can't be written, or has no marks."""
    try:
        content = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(replaced(content, text(report, IMAGES.name)), encoding="utf-8")
    except OSError as error:
        raise BenchTrouble(f"{DOCUMENT} can't be written: {error.strerror}") from error


def replaced(document: str, figures: str) -> str:
    """The document with other figures. Raises BenchTrouble where the marks are not there."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchTrouble(
            f"{DOCUMENT.name} lacks the lines `{BEGIN}` and `{END}`, between which the figures go"
        )
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"
